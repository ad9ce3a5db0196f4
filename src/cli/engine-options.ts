import { type Command, Option } from 'commander';
import { loadConfig } from '../config.ts';
import type { Device } from '../engine/index.ts';
import { addSettingOption } from './setting-options.ts';
import type { WithEngineOptions } from './with-engine.ts';

export interface EngineOptions {
  readonly device: Device;
  readonly threads?: number;
}

/** Adds `--device` and `--threads`. */
export function addEngineOptions(command: Command): Command {
  const devices: Device[] = ['cpu', 'cuda'];
  command.addOption(new Option('--device <device>', 'where the graph runs').choices(devices).default('cpu'));
  return addSettingOption(command, 'threads', '--threads <n>', 'cores to use (default: all)');
}

/** What the options of `addEngineOptions` say, with the environment's threads where they name none. */
export function engineOptions({ device, threads }: EngineOptions): WithEngineOptions {
  return { device, threads: loadConfig(threads === undefined ? {} : { threads }).threads };
}
