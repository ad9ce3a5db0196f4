/**
 * Does work in the order in which it comes, a few pieces in each turn of the event loop, so that the loop has
 * turns for everything else.
 */
export function createTurns(piecesATurn: number): (work: () => void) => void {
  const waiting: (() => void)[] = [];
  let scheduled = false;

  function turn(): void {
    scheduled = false;
    for (const work of waiting.splice(0, piecesATurn)) work();
    if (waiting.length > 0) schedule();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(turn);
  }

  return (work) => {
    waiting.push(work);
    schedule();
  };
}
