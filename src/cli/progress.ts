import { type Options, Presets, SingleBar } from 'cli-progress';

/** Shorter work is over before a bar could say anything. */
const SHOW_AFTER_MS = 2000;

export interface Progress {
  /** Reports how much is done. */
  update(done: number): void;
  /** Removes the bar. Idempotent. */
  stop(): void;
}

const newBar = (format: Options['format']): SingleBar =>
  new SingleBar(
    {
      stream: process.stderr,
      format,
      clearOnComplete: true,
      barsize: 30,
      // Its handler of SIGINT would swallow Ctrl-C. We leave the terminal's modes alone, so there is nothing
      // to restore.
      gracefulExit: false,
      hideCursor: false,
      linewrap: true,
    },
    Presets.shades_classic,
  );

const showLater = (show: () => void): NodeJS.Timeout | undefined =>
  process.stderr.isTTY ? setTimeout(show, SHOW_AFTER_MS) : undefined;

/**
 * A progress bar on stderr, for work over two seconds and where stderr is a terminal. `unit` names what is
 * counted, as in "images".
 */
export function createProgress(total: number, unit: string): Progress {
  const started = performance.now();
  let done = 0;
  let bar: SingleBar | undefined;

  /** The rest at the pace so far, which includes the seconds before the bar appeared. */
  function payload(): { readonly left: string } {
    if (done === 0) return { left: '' };
    const seconds = (((performance.now() - started) / done) * (total - done)) / 1000;
    return { left: `, about ${Math.ceil(seconds)} s left` };
  }

  const timer = showLater(() => {
    bar = newBar(`{bar} {value} of {total} ${unit}{left}`);
    bar.start(total, done, payload());
  });

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

/** Work of several kinds, of which is said what is being done. */
export interface WorkProgress {
  /**
   * Tells what is being done, which share of all work is done, and how many seconds the rest will take, where
   * that can be told.
   */
  update(what: string, share: number, secondsLeft: number | undefined): void;
  stop(): void;
}

/** As people say how long something will take. */
function spoken(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

/** A bar as that of `createProgress` for work whose pieces are not alike. */
export function createWorkProgress(): WorkProgress {
  const whole = 1000;
  let latest = { value: 0, what: '', left: '' };
  let bar: SingleBar | undefined;
  const timer = showLater(() => {
    // What is being done comes last: a narrow terminal cuts the end off.
    bar = newBar('{bar} {percentage} %{left}: {what}');
    bar.start(whole, latest.value, latest);
  });
  return {
    update(what, share, secondsLeft) {
      const left = secondsLeft === undefined ? '' : `, about ${spoken(secondsLeft)} left`;
      latest = { value: Math.floor(whole * share), what, left };
      bar?.update(latest.value, latest);
    },
    stop() {
      clearTimeout(timer);
      bar?.stop();
    },
  };
}

/** For work without a known length: shows what the work is, and how long it has taken so far. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  let bar: SingleBar | undefined;
  const timer = showLater(() => {
    bar = newBar(() => `${what}, ${Math.round((performance.now() - started) / 1000)} s`);
    bar.start(1, 0);
  });
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    bar?.stop();
  }
}
