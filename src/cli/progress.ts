import { Presets, SingleBar } from 'cli-progress';

/** Work shorter than this is over before a bar has said anything. */
const SHOW_AFTER_MS = 2000;

export interface Progress {
  /** Tells how much is done. */
  update(done: number): void;
  /** Takes the bar away. Idempotent. */
  stop(): void;
}

/**
 * A progress bar on stderr, for work over two seconds and where stderr is a terminal. `unit` names what is counted, as in
 * "images".
 */
export function createProgress(total: number, unit: string): Progress {
  const started = performance.now();
  let done = 0;
  let bar: SingleBar | undefined;

  /** At the pace so far, the seconds before the bar appeared included. */
  function payload(): { readonly left: string } {
    if (done === 0) return { left: '' };
    const seconds = (((performance.now() - started) / done) * (total - done)) / 1000;
    return { left: `, about ${Math.ceil(seconds)} s left` };
  }

  function show(): void {
    bar = new SingleBar(
      {
        stream: process.stderr,
        format: `{bar} {value} of {total} ${unit}{left}`,
        clearOnComplete: true,
        barsize: 30,
        // Its handler of SIGINT would swallow Ctrl-C; with the terminal's modes left alone there is nothing to restore.
        gracefulExit: false,
        hideCursor: false,
        linewrap: true,
      },
      Presets.shades_classic,
    );
    bar.start(total, done, payload());
  }
  const timer = process.stderr.isTTY ? setTimeout(show, SHOW_AFTER_MS) : undefined;

  return {
    update(now) {
      done = now;
      bar?.update(done, payload());
    },
    stop() {
      clearTimeout(timer);
      bar?.stop();
    },
  };
}
