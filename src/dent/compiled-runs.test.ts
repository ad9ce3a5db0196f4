import { beforeAll, describe, expect, it } from 'vitest';
import { withCompiled } from '../../test/fixtures/dent/compiled.ts';
import { largestDifference, numbersOf, startCompiler } from '../../test/fixtures/dent/compiler.ts';
import { images, plainModel } from '../../test/fixtures/dent/models.ts';
import { rows, type Tensor } from '../tensor.ts';
import type { CompiledModel } from './index.ts';

const { engine, compileWith, run } = startCompiler();

/** The second half of the rows before the first. */
function swapHalves(tensor: Tensor): Tensor {
  const half = tensor.dims[0]! / 2;
  const [first, second] = [rows(tensor, 0, half), rows(tensor, half, 2 * half)];
  const data = Float32Array.of(...numbersOf(second), ...numbersOf(first));
  return { type: 'float32', dims: tensor.dims, data };
}

describe('steps', () => {
  let compiled: CompiledModel;
  beforeAll(async () => {
    compiled = await compileWith(plainModel, { preset: 'dent+', lr: 0.05 });
  });

  it.each([
    ['dent', 0],
    ['dent+', 0],
    ['isolated', 0],
    ['isolated', -1],
  ] as const)('predict as the model does: %s, %d steps', async (preset, steps) => {
    const [answer, original] = await Promise.all([
      run(await compileWith(plainModel, { preset }), images(4), steps),
      engine.evaluate(plainModel, { image: images(4) }),
    ]);
    expect(largestDifference(answer.result, original.result)).toBeLessThan(1e-5);
    expect(largestDifference(answer.static_logits, original.result)).toBeLessThan(1e-5);
    expect(answer.entropy!.dims).toEqual([1, 4]);
  });

  it('are chosen at run time, each a continuation of the ones before', async () => {
    const answers = await Promise.all([0, 1, 2, 3, 9].map((steps) => run(compiled, images(4), steps)));
    const longest = answers.at(-1)!.entropy!;
    for (const answer of answers) {
      const lines = answer.entropy!.dims[0]!;
      const before = rows(longest, 0, lines);
      expect(largestDifference(answer.entropy, before)).toBeLessThan(1e-5);
      expect(largestDifference(answer.static_logits, answers[0]!.static_logits)).toBeLessThan(1e-5);
    }
    expect(answers.map((answer) => answer.entropy!.dims[0])).toEqual([1, 2, 3, 4, 10]);
    expect(largestDifference(answers[4]!.result, answers[0]!.result)).toBeGreaterThan(0.1);
  });

  it('lower the entropy', async () => {
    const dent = await compileWith(plainModel, { preset: 'dent', lr: 0.02 });
    const { entropy } = await run(dent, images(6), 10);
    const means = Array.from({ length: 11 }, (_, k) =>
      numbersOf(rows(entropy!, k, k + 1)).reduce((sum, h) => sum + h / 6, 0),
    );
    for (let k = 1; k < means.length; k++) expect(means[k]).toBeLessThan(means[k - 1]!);
  });

  it('tell the entropy of what they predict', async () => {
    const { result, entropy } = await run(compiled, images(3), 2);
    for (let row = 0; row < 3; row++) {
      const exps = numbersOf(rows(result!, row, row + 1)).map(Math.exp);
      const total = exps.reduce((sum, e) => sum + e, 0);
      const expected = exps.reduce((sum, e) => sum - (e / total) * Math.log(e / total), 0);
      expect(Number(entropy!.data[2 * 3 + row])).toBeCloseTo(expected, 5);
    }
  });
});

describe('a run', () => {
  it.each(['tent', 'dent', 'dent+', 'isolated', 'dent-smooth'])(
    'of %s leaves nothing behind: A, B, A is the same bit for bit',
    async (preset) => {
      const compiled = await compileWith(plainModel, { preset });
      await withCompiled(engine, compiled, async (artifact) => {
        const first = await artifact.run(images(5, 1), 4);
        const between = await artifact.run(images(9, 2), 7);
        const again = await artifact.run(images(5, 1), 4);
        expect(again).toEqual(first);
        expect(rows(between.logits, 0, 5)).not.toEqual(first.logits);
      });
    },
  );

  it('of isolated answers a row the same alone and among others', async () => {
    const compiled = await compileWith(plainModel, { preset: 'isolated' });
    const together = await run(compiled, images(7), 6);
    for (const row of [0, 3, 6]) {
      const alone = await run(compiled, rows(images(7), row, row + 1), 6);
      expect(largestDifference(alone.result, rows(together.result!, row, row + 1))).toBeLessThan(1e-5);
    }
  });

  it('of dent answers a row by the company it is in', async () => {
    const compiled = await compileWith(plainModel, { preset: 'dent', lr: 0.02 });
    const together = await run(compiled, images(7), 6);
    const alone = await run(compiled, rows(images(7), 0, 1), 6);
    expect(largestDifference(alone.result, rows(together.result!, 0, 1))).toBeGreaterThan(1e-3);
  });

  it('goes through a batch in parts without changing the answer', async () => {
    const compiled = await compileWith(plainModel, { preset: 'dent', lr: 0.02 });
    // The same rows in another order meet in other parts, of which the last is not full.
    const input = images(2 * compiled.rowsPerPart + 4);
    const [straight, turned] = await Promise.all([
      run(compiled, input, 5),
      run(compiled, swapHalves(input), 5),
    ]);
    expect(largestDifference(swapHalves(turned.result!), straight.result)).toBeLessThan(1e-4);
    expect(largestDifference(straight.result, straight.static_logits)).toBeGreaterThan(1e-2);
  });
});
