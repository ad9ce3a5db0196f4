import { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { createLog, warnOfUnknownVariables } from './log.ts';
import { runUntilSignal } from './run-until-signal.ts';
import { addCommonOptions, addSettingOption } from './setting-options.ts';

type ServeOptions = Partial<Omit<Config, 'cacheDir'>> & { readonly cacheDir?: string };

/** Serves until a signal ends the process. */
async function serve(options: ServeOptions): Promise<void> {
  const config = loadConfig(options);
  const log = createLog(config);
  warnOfUnknownVariables(log);
  // Imported here, so that the other commands do not load an HTTP server.
  const start = async () =>
    config.processes === 1
      ? (await import('../app/server.ts')).startServer(config, log)
      : (await import('../app/processes/start-processes.ts')).startProcesses(config, log);
  // SIGTERM comes from a process manager, whose load balancer must look away first. Ctrl-C need not wait.
  const drainMs = (signal?: NodeJS.Signals): number => (signal === 'SIGTERM' ? config.drainDelayMs : 0);
  await runUntilSignal(config, log, start, (server, signal) => server.close(drainMs(signal)));
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
  addSettingOption(command, 'device', '--device <cpu|cuda>', 'where graphs run (default: cpu)');
  addCommonOptions(command, 'threads');
  addSettingOption(
    command,
    'processes',
    '--processes <n>',
    'processes that answer HTTP and decode, on one port (default: 1)',
  );
  return addCommonOptions(command, 'cacheDir', 'logLevel').action(serve);
}
