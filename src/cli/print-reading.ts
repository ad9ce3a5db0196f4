import { type Reading, readingLines } from '../dent/index.ts';

/** Prints on stderr how the model was changed to be read, and what its owner probably did not mean. */
export function printReading(path: string, reading: Reading): void {
  const { leftOut, takenAs } = reading.output;
  const isPlain = leftOut.length === 0 && takenAs === 'logits';
  const [, output] = readingLines(reading);
  for (const line of [...(isPlain ? [] : [output]), ...reading.warnings]) {
    process.stderr.write(`dent: ${path}: ${line}\n`);
  }
}
