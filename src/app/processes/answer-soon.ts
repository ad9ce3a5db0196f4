/** A reader of counts waits this long for a busy process. Then it takes those that the process told last. */
const PATIENCE_MS = 2_000;

/** The answer of another process. Undefined where it takes too long, or the process is gone. */
export async function answerSoon<T>(answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, undefined);
  });
  const first = await Promise.race([answer.catch(() => undefined), patience]);
  clearTimeout(timer);
  return first;
}
