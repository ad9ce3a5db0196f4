import { type Command, Option } from 'commander';
import { loadConfig } from '../config.ts';
import { type Device, PRECISIONS, type Precision } from '../engine/index.ts';
import { addCommonOptions } from './setting-options.ts';
import type { WithEngineOptions } from './with-engine.ts';

export interface EngineOptions extends PrecisionOption {
  readonly device: Device;
  readonly threads?: number;
}

export interface PrecisionOption {
  readonly precision: Precision;
}

/** Adds `--precision`. */
export const addPrecisionOption = (command: Command): Command =>
  command.addOption(
    new Option('--precision <precision>', 'what a GPU computes convolutions and activations in')
      .choices([...PRECISIONS])
      .default('fp32'),
  );

/** Adds `--device`, `--precision` and `--threads`. */
export function addEngineOptions(command: Command): Command {
  const devices: Device[] = ['cpu', 'cuda'];
  command.addOption(new Option('--device <device>', 'where the graph runs').choices(devices).default('cpu'));
  return addCommonOptions(addPrecisionOption(command), 'threads');
}

/** The values of the options of `addEngineOptions`, with the environment's threads where they name none. */
export function engineOptions({ device, threads }: Omit<EngineOptions, 'precision'>): WithEngineOptions {
  return { device, threads: loadConfig(threads === undefined ? {} : { threads }).threads };
}
