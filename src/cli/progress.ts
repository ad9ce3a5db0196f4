import { Presets, SingleBar } from 'cli-progress';

/** Work shorter than this is over before a bar has said anything. */
const SHOW_AFTER_MS = 2000;

export interface Progress {
  /** Tells how much is done. The bar appears with the first call after two seconds. */
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
  let bar: SingleBar | undefined;
  let stopped = !process.stderr.isTTY;

  return {
    update(done) {
      if (stopped || performance.now() - started < SHOW_AFTER_MS) return;
      if (bar === undefined) {
        bar = new SingleBar(
          {
            stream: process.stderr,
            format: `{bar} {value} of {total} ${unit}, {eta_formatted} left`,
            clearOnComplete: true,
            // Its handler of SIGINT would swallow Ctrl-C; with the cursor left alone there is nothing to restore.
            gracefulExit: false,
            hideCursor: false,
          },
          Presets.shades_classic,
        );
        bar.start(total, done);
      }
      bar.update(done);
    },
    stop() {
      stopped = true;
      bar?.stop();
    },
  };
}
