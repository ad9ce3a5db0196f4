/**
 * Compares answers with the golden vectors, in each precision. `beyond` counts numbers beyond the tolerance
 * that fp32 is held to; for the other precisions it only describes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { emit, path, readNpy, small, withEngine } from './common.mjs';

const golden = path('test/golden/');
const others = readdirSync(golden).filter((name) => !/\.|architectures|bundled/.test(name));
const folders = small ? ['bundled'] : ['bundled', ...others];
const precisions = small ? ['fp32', 'fp16'] : ['fp32', 'tf32', 'fp16'];

function compare(answer, { logits, tolerance }) {
  const classes = logits[0].length;
  const expected = logits.flat();
  const off = expected.map((value, i) => Math.abs(value - answer.logits.data[i]));
  const label = (row, of) => of(row).indexOf(Math.max(...of(row)));
  const ours = (row) => [...answer.logits.data.subarray(row * classes, (row + 1) * classes)];
  const theirs = (row) => logits[row];
  return {
    worst: Math.max(...off),
    beyond: off.filter((difference, i) => !(difference <= tolerance[Math.floor(i / classes)])).length,
    of: expected.length,
    otherLabels: logits.filter((_, row) => label(row, ours) !== label(row, theirs)).length,
  };
}

async function measure(name, precision) {
  const folder = new URL(`${name}/`, golden);
  const { model, cases } = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8'));
  const images = readNpy(new URL('input.npy', folder));
  await withEngine({ fillsBatches: true }, async (open) => {
    for (const [title, expected] of Object.entries(cases)) {
      const { run, release, recipe } = await open(new URL(model, folder), expected.recipe, precision);
      const answer = await run(images, recipe.steps);
      emit({ step: 'parity', model: name, case: title, precision, ...compare(answer, expected) });
      await release();
    }
  });
}

// What matters most comes first: a time limit may end this.
for (const precision of precisions) for (const name of folders) await measure(name, precision);
