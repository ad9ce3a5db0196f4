import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { adaptCommand } from './adapt.ts';
import { benchCommand } from './bench.ts';
import { calibrateCommand } from './calibrate.ts';
import { checkCommand } from './check.ts';
import { compileCommand } from './compile.ts';
import { evaluateCommand } from './evaluate.ts';
import { initCommand } from './init.ts';
import { inspectCommand } from './inspect.ts';
import { keyCommand } from './key.ts';
import { predictCommand } from './predict.ts';
import { serveCommand } from './serve.ts';
import { workerCommand } from './worker.ts';

const DESCRIPTION = 'Adapts ONNX image classifiers to each batch at test time, and serves them.';

/** The commands in the order of the help. */
const COMMANDS = [
  serveCommand,
  workerCommand,
  compileCommand,
  adaptCommand,
  inspectCommand,
  initCommand,
  checkCommand,
  benchCommand,
  calibrateCommand,
  evaluateCommand,
  predictCommand,
  keyCommand,
];

/**
 * The command line `dent`. Rejects with `CommanderError` for wrong usage, help and version. Nothing in it
 * exits.
 */
export function createProgram(): Command {
  const program = new Command('dent').description(DESCRIPTION).version(VERSION);
  for (const create of COMMANDS) {
    const command = create();
    program.addCommand(command.option('--verbose', 'show the stack of an error'));
  }
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      // One line, even where commander writes several.
      outputError: (text, write) =>
        write(
          `${text
            .replace(/^error: /, 'dent: ')
            .trim()
            .replaceAll('\n', ' ')}\n`,
        ),
    });
  }
  return program;
}

/** Whether the user asked the command for stacks. */
export const isVerbose = (program: Command): boolean =>
  program.commands.some((command) => command.opts().verbose === true);
