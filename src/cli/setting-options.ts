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
