import { type Reading, readingLines } from '../dent/index.ts';

/** Says on stderr what of the model was not taken as it stands, and what is likely not meant. */
export function printReading(path: string, reading: Reading): void {
  const { leftOut, takenAs } = reading.output;
  const isPlain = leftOut.length === 0 && takenAs === 'logits';
  const [, output] = readingLines(reading);
  for (const line of [...(isPlain ? [] : [output]), ...reading.warnings]) {
    process.stderr.write(`dent: ${path}: ${line}\n`);
  }
}
