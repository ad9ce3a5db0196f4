import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseSetting, type Setting } from '../config.ts';

function parse(setting: Setting, text: string): unknown {
  try {
    return parseSetting(setting, text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/**
 * Adds an option that overrides the environment variable of `setting`, such as `--cache-dir <dir>`. Its flag
 * must be the setting's name, so that the command's options can go to `loadConfig`.
 */
export function addSettingOption(
  command: Command,
  setting: Setting,
  flags: string,
  description: string,
): Command {
  return command.addOption(new Option(flags, description).argParser((text) => parse(setting, text)));
}

/** The options that several commands have, in the same words. */
const COMMON = {
  models: ['--models <dir>', 'the model repository (default: models)'],
  threads: ['--threads <n>', 'cores to use (default: all)'],
  cacheDir: ['--cache-dir <dir>', 'where compiled models are kept'],
  logLevel: ['--log-level <level>', 'silent to trace (default: info)'],
} as const satisfies Partial<Record<Setting, readonly [flags: string, description: string]>>;

/** Adds options that other commands have too, in this order. */
export function addCommonOptions(command: Command, ...settings: (keyof typeof COMMON)[]): Command {
  for (const setting of settings) {
    const [flags, description] = COMMON[setting];
    addSettingOption(command, setting, flags, description);
  }
  return command;
}
