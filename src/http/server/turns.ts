/**
 * Does work in the order in which it comes, a few pieces in each turn of the event loop, so that the loop has
 * turns for everything else. Work that takes longer counts as several `pieces`.
 */
export function createTurns(piecesATurn: number): (work: () => void, pieces?: number) => void {
  const waiting: { readonly work: () => void; readonly pieces: number }[] = [];
  let scheduled = false;

  function turn(): void {
    scheduled = false;
    let left = piecesATurn;
    let count = 0;
    while (count < waiting.length && left > 0) left -= waiting[count++]!.pieces;
    for (const { work } of waiting.splice(0, count)) work();
    if (waiting.length > 0) schedule();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(turn);
  }

  return (work, pieces = 1) => {
    waiting.push({ work, pieces });
    schedule();
  };
}
