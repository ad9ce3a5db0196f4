import { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { createLog, warnOfUnknownVariables } from './log.ts';
import { runUntilSignal } from './run-until-signal.ts';
import { addCommonOptions, addSettingOption } from './setting-options.ts';

type WorkerOptions = Partial<Omit<Config, 'cacheDir'>> & { readonly cacheDir?: string };

/** Not the port of `dent serve`, so that both run on one machine. */
const DEFAULT_PORT = 8081;

/** Works until a signal ends the process. */
async function work(options: WorkerOptions): Promise<void> {
  const config = loadConfig(options, { port: DEFAULT_PORT });
  const log = createLog(config);
  warnOfUnknownVariables(log);
  const start = async () => (await import('../app/worker.ts')).startWorker(config, log);
  await runUntilSignal(config, log, start, (worker) => worker.close());
}

/** `dent worker`: takes batches from Redis and runs them. */
export function workerCommand(): Command {
  const command = new Command('worker').description('Take batches from Redis and run them.');
  addSettingOption(
    command,
    'redisUrl',
    '--redis-url <url>',
    'the Redis server of `dent serve --queue redis`',
  );
  addCommonOptions(command, 'models');
  addSettingOption(command, 'device', '--device <cpu|cuda>', 'where graphs run (default: cpu)');
  addCommonOptions(command, 'threads');
  addSettingOption(
    command,
    'port',
    '--port <n>',
    `port of health and metrics, 0 for any free one (default: ${DEFAULT_PORT})`,
  );
  addSettingOption(command, 'host', '--host <address>', 'address of health and metrics (default: 127.0.0.1)');
  return addCommonOptions(command, 'cacheDir', 'logLevel').action(work);
}
