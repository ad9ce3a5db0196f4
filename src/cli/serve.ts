import closeWithGrace from 'close-with-grace';
import { Command, Option } from 'commander';
import { pino, stdTimeFunctions } from 'pino';
import { type Config, loadConfig } from '../config.ts';
import { addSettingOption } from './setting-options.ts';

type ServeOptions = Partial<Omit<Config, 'cacheDir'>> & { readonly cacheDir?: string };

/** npm hands on the Ctrl-C that the terminal has sent to the whole process group; both are one press of the key. */
const SAME_SIGNAL_MS = 500;

/** Serves until a signal ends the process. */
async function serve(options: ServeOptions): Promise<void> {
  const config = loadConfig(options);
  const log = pino({
    level: config.logLevel,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
  });
  // Imported here so that the other commands need not load an HTTP server.
  const { startServer } = await import('../main.ts');
  const server = await startServer(config, log);
  let drainDelayMs = 0;
  const grace = closeWithGrace(
    { delay: config.closeTimeoutMs, logger: log, skip: ['SIGINT', 'SIGTERM'] },
    async ({ err }) => {
      if (err) log.fatal({ err }, 'closing after an error that nothing caught');
      await server.close(drainDelayMs);
    },
  );
  let signalledMs: number | undefined;
  function onSignal(signal: NodeJS.Signals): void {
    if (signalledMs === undefined) {
      signalledMs = performance.now();
      // Only a process manager's SIGTERM comes with a load balancer that must look away first; Ctrl-C need not wait.
      if (signal === 'SIGTERM') drainDelayMs = config.drainDelayMs;
      grace.close();
    } else if (performance.now() - signalledMs > SAME_SIGNAL_MS) {
      log.warn(`a second ${signal}: exiting at once`);
      process.exit(1);
    }
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
}

/** `dent serve`: the HTTP API. */
export function serveCommand(): Command {
  const command = new Command('serve').description('Serve the models of a repository over HTTP.');
  addSettingOption(command, 'port', '--port <n>', 'port to listen on, 0 for any free one (default: 8080)');
  addSettingOption(command, 'host', '--host <address>', 'address to listen on (default: 127.0.0.1)');
  addSettingOption(command, 'models', '--models <dir>', 'the model repository (default: models)');
  addSettingOption(
    command,
    'defaultModel',
    '--default-model <name>',
    'the model of /v1/predict (default: the first)',
  );
  addSettingOption(command, 'threads', '--threads <n>', 'cores for inference (default: all)');
  addSettingOption(command, 'cacheDir', '--cache-dir <dir>', 'where compiled models are kept');
  addSettingOption(command, 'logLevel', '--log-level <level>', 'silent to trace (default: info)');
  return command
    .addOption(
      new Option('--queue <kind>', 'where images wait for their batch').choices(['memory']).default('memory'),
    )
    .action(serve);
}
