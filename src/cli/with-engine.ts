import { constants } from 'node:os';
import { createEngine, type Device, type Engine } from '../engine/index.ts';

/**
 * A run may rightly take hours, and nobody waits behind it: the user can end it. Only a child that hangs for
 * a day is given up.
 */
const RUN_LIMIT_MS = 24 * 3_600_000;

type EndingSignal = 'SIGINT' | 'SIGTERM';

export interface WithEngineOptions {
  readonly device: Device;
  readonly threads: number;
}

/**
 * Does `work` with an engine of its own. Ctrl-C and SIGTERM kill the engine's children during a run, so
 * `work` rejects and cleans up. Then the process ends with 128 plus the signal's number, as a shell would
 * report it.
 */
export async function withEngine<T>(
  options: WithEngineOptions,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = createEngine({ ...options, runTimeoutMs: RUN_LIMIT_MS });
  let ending: EndingSignal | undefined;
  const end = (signal: EndingSignal): void => {
    ending ??= signal;
    void engine.close();
  };
  // Under npx one press of Ctrl-C arrives twice: from the terminal and from npm. The second must not cut the
  // clean-up short.
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  try {
    return await work(engine);
  } finally {
    await engine.close();
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
    if (ending !== undefined) process.exit(128 + constants.signals[ending]);
  }
}
