#!/usr/bin/env node
import { CommanderError } from 'commander';
import { fileError } from './file-error.ts';
import { createProgram, isVerbose } from './program.ts';

const FAILED = 1;
const WRONG_USAGE = 2;

function report(error: unknown, verbose: boolean): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const line = message.replaceAll('\n', ' ');
  process.stderr.write(`dent: ${verbose ? (stack ?? line) : line}\n`);
}

const program = createProgram();
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that stops early, such as `head`, is no failure.
  if (error.code === 'EPIPE') process.exit(0);
  report(fileError('the output', 'written', error), isVerbose(program));
  process.exit(FAILED);
});
// There is no place left to report it.
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed everything. `dent` without a command shows the help, but is still wrong usage.
    const asked = error.exitCode === 0;
    process.exitCode = asked ? 0 : WRONG_USAGE;
  } else {
    report(error, isVerbose(program));
    process.exitCode = FAILED;
  }
}
