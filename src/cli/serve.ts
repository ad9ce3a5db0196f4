import { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { closeAtSignal, createLog } from './run-until-signal.ts';
import { addCommonOptions, addSettingOption } from './setting-options.ts';

type ServeOptions = Partial<Omit<Config, 'cacheDir'>> & { readonly cacheDir?: string };

/** Serves until a signal ends the process. */
async function serve(options: ServeOptions): Promise<void> {
  const config = loadConfig(options);
  const log = createLog(config);
  // Imported here, so that the other commands do not load an HTTP server.
  const start =
    config.processes === 1
      ? (await import('../app/server.ts')).startServer
      : (await import('../app/processes/start-processes.ts')).startProcesses;
  const server = await start(config, log);
  // SIGTERM comes from a process manager, whose load balancer must look away first. Ctrl-C need not wait.
  closeAtSignal(config, log, (signal) => server.close(signal === 'SIGTERM' ? config.drainDelayMs : 0));
}

/** `dent serve`: the HTTP API. */
export function serveCommand(): Command {
  const command = new Command('serve').description('Serve the models of a repository over HTTP.');
  addSettingOption(command, 'port', '--port <n>', 'port to listen on, 0 for any free one (default: 8080)');
  addSettingOption(command, 'host', '--host <address>', 'address to listen on (default: 127.0.0.1)');
  addSettingOption(
    command,
    'apiKeysFile',
    '--api-keys-file <file>',
    'who may come in, made with `dent key` (default: everybody)',
  );
  addSettingOption(
    command,
    'metricsPort',
    '--metrics-port <n>',
    'a port of its own for /metrics (default: that of the API)',
  );
  addCommonOptions(command, 'models');
  addSettingOption(
    command,
    'defaultModel',
    '--default-model <name>',
    'the model of /v1/predict (default: the first)',
  );
  addSettingOption(
    command,
    'queue',
    '--queue <memory|redis>',
    'where images wait for their batch: here, or in Redis for `dent worker` (default: memory)',
  );
  addSettingOption(command, 'redisUrl', '--redis-url <url>', 'with --queue redis: the server');
  addCommonOptions(command, 'threads');
  addSettingOption(
    command,
    'processes',
    '--processes <n>',
    'processes that answer HTTP and decode, on one port (default: 1)',
  );
  return addCommonOptions(command, 'cacheDir', 'logLevel').action(serve);
}
