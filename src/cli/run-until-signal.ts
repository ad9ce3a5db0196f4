import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';

/**
 * npm passes on the Ctrl-C that the terminal has already sent to the whole process group. Both are one key
 * press.
 */
const SAME_SIGNAL_MS = 500;

/** How often a process under npx looks whether its parent is still there. */
const PARENT_POLL_MS = 500;

/**
 * Under `npx` a shell stands between npm and this process. A SIGTERM for npm ends the shell alone, so its end
 * counts as the signal.
 */
function whenOrphaned(work: () => void): void {
  if (process.env.npm_command !== 'exec') return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    work();
  }, PARENT_POLL_MS);
  timer.unref();
}

/** Those of terminals and process managers. A terminal that is closed may send its signal twice. */
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Starts what runs until a signal, and closes it then, with the signal. The process ends with 0. It ends with
 * 1 at a second signal, or where closing takes longer than the configuration allows. Rejects where the start
 * fails. A signal during the start counts too: what has started is closed. Without a handler, a container's
 * first process would not even notice it.
 */
export async function runUntilSignal<Running>(
  { closeTimeoutMs }: Config,
  log: Logger,
  start: () => Promise<Running>,
  close: (running: Running, signal: NodeJS.Signals | undefined) => Promise<void>,
): Promise<void> {
  let first: NodeJS.Signals | undefined;
  let hasStarted = false;
  const grace = closeWithGrace(
    {
      delay: closeTimeoutMs,
      logger: log,
      skip: [...ENDING_SIGNALS],
      onTimeout: (ms) =>
        log.error(`closing takes longer than DENT_CLOSE_TIMEOUT_MS, ${ms} ms: exiting at once`),
    },
    async ({ err }) => {
      if (err) log.fatal({ err }, 'closing after an error that nothing caught');
      const running = await starting.catch(() => undefined);
      if (running) await close(running, first);
      else log.info('closed');
    },
  );
  let signalledMs: number | undefined;
  function onSignal(signal: NodeJS.Signals): void {
    if (signalledMs === undefined) {
      signalledMs = performance.now();
      first = signal;
      if (!hasStarted) log.info(`${signal} during the start: closing once it listens`);
      grace.close();
    } else if (performance.now() - signalledMs > SAME_SIGNAL_MS) {
      log.warn(`a second signal, ${signal}: exiting at once`);
      process.exit(1);
    }
  }
  for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);
  whenOrphaned(() => onSignal('SIGTERM'));
  const starting = start();
  try {
    await starting;
    hasStarted = true;
  } catch (error) {
    // The signal may have ended a child that had not learned to leave it to this process.
    if (signalledMs !== undefined) return;
    grace.uninstall();
    throw error;
  }
}
