import closeWithGrace from 'close-with-grace';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config.ts';

/** npm hands on the Ctrl-C that the terminal has sent to the whole process group; both are one press of the key. */
const SAME_SIGNAL_MS = 500;

/** A log of one JSON object a line. */
export const createLog = ({ logLevel }: Config): Logger =>
  pino({
    level: logLevel,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
  });

/**
 * Closes what runs at SIGINT or SIGTERM, which `close` is told, and ends the process with 0; with 1 at a second signal, or
 * where closing takes longer than the configuration allows.
 */
export function closeAtSignal(
  { closeTimeoutMs }: Config,
  log: Logger,
  close: (signal: NodeJS.Signals | undefined) => Promise<void>,
): void {
  let first: NodeJS.Signals | undefined;
  const grace = closeWithGrace(
    { delay: closeTimeoutMs, logger: log, skip: ['SIGINT', 'SIGTERM'] },
    async ({ err }) => {
      if (err) log.fatal({ err }, 'closing after an error that nothing caught');
      await close(first);
    },
  );
  let signalledMs: number | undefined;
  function onSignal(signal: NodeJS.Signals): void {
    if (signalledMs === undefined) {
      signalledMs = performance.now();
      first = signal;
      grace.close();
    } else if (performance.now() - signalledMs > SAME_SIGNAL_MS) {
      log.warn(`a second ${signal}: exiting at once`);
      process.exit(1);
    }
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
}
