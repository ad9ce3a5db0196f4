/** How often to look, and to ask. */
const LOOK_MS = 1_000;
/** So many looks in a row without an answer: the process has hung. */
const SILENT_LOOKS = 20;
/** Reading and compiling our code takes longer than an answer. */
const START_LOOKS = 60;

export interface WatchedProcess {
  /** Resolves when the process does its work. Only then it is asked. */
  readonly started: Promise<unknown>;
  /** Resolves with the answer of its event loop. */
  readonly ask: () => Promise<unknown>;
  /** Called once, with what completes the sentence "the process …". */
  readonly onHung: (reason: string) => void;
}

/**
 * Notices a process that lives and does nothing. Looks are counted, not time: while this process is stopped,
 * or the machine asleep, nobody looks, so no answer is missed. Stops when the returned function is called.
 */
export function watchProcess({ started, ask, onHung }: WatchedProcess): () => void {
  let looks = 0;
  let hasStarted = false;
  let isAsked = false;

  function answered(): void {
    looks = 0;
    isAsked = false;
  }

  function look(): void {
    looks += 1;
    if (looks > (hasStarted ? SILENT_LOOKS : START_LOOKS)) {
      clearInterval(timer);
      const seconds = ((looks - 1) * LOOK_MS) / 1000;
      onHung(
        hasStarted ? `did not answer for ${seconds} seconds` : `did not start within ${seconds} seconds`,
      );
    } else if (hasStarted && !isAsked) {
      isAsked = true;
      // One that has closed its channel answers nothing any more, and has to end.
      ask().then(answered, () => {});
    }
  }

  const timer = setInterval(look, LOOK_MS).unref();
  started.then(
    () => {
      hasStarted = true;
      answered();
    },
    () => {},
  );
  return () => clearInterval(timer);
}
