import { describe, expect, it } from 'vitest';
import { withCompiled } from '../../test/fixtures/dent/compiled.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { type GoldenCase, goldenNames, loadGolden } from '../../test/golden/load.ts';
import type { Tensor } from '../tensor.ts';
import { type CompiledModel, type CompileOptions, compile, createRecipe } from './index.ts';

const engine = startEngine({ threads: 2 });

/** Compares numbers. `rowOf` tells which row each number belongs to. */
function expectWithin(
  tolerance: readonly number[],
  actual: Tensor | undefined,
  expected: readonly number[],
  rowOf: (index: number) => number,
): void {
  expect(actual?.data.length).toBe(expected.length);
  const off = expected.flatMap((value, i) => {
    const row = rowOf(i);
    const difference = Math.abs(value - Number(actual!.data[i]));
    return difference <= tolerance[row]! ? [] : [{ row, difference, tolerance: tolerance[row] }];
  });
  expect(off).toEqual([]);
}

describe.each(goldenNames().map(loadGolden))('$name', ({ model, input, cases }) => {
  const unadapted = cases.static!.logits.flat();

  async function expectGolden(golden: GoldenCase, options: CompileOptions): Promise<CompiledModel> {
    const recipe = createRecipe(golden.recipe);
    const compiled = await compile(model, recipe, engine, options);
    const answer = await withCompiled(engine, compiled, (artifact) => artifact.run(input, recipe.steps));
    const { tolerance, logits, entropy, sigma } = golden;
    const byClass = (index: number) => Math.floor(index / logits[0]!.length);
    expectWithin(tolerance, answer.logits, logits.flat(), byClass);
    expectWithin(tolerance, answer.entropy, entropy.flat(), (index) => index % logits.length);
    expectWithin(cases.static!.tolerance, answer.staticLogits, unadapted, byClass);
    // A sigma for the whole batch depends on all its rows.
    const ofSigma = sigma?.length === 1 ? [Math.max(...tolerance)] : tolerance;
    if (sigma) expectWithin(ofSigma, answer.sigma, sigma, (index) => index);
    else expect(answer.sigma).toBeUndefined();
    expect(answer.blended?.data[0]).toBe(golden.blended);
    const { divergence } = golden;
    if (divergence === undefined) expect(answer.divergence).toBeUndefined();
    else expect(answer.divergence!.data[0]! / divergence).toBeCloseTo(1, 4);
    return compiled;
  }

  it.each(Object.entries(cases))('%s', async (_name, golden: GoldenCase) => {
    expect(await expectGolden(golden, {})).not.toHaveProperty('carried');
  });

  it('dent, pass by pass over parts of the rows', async () => {
    expect(await expectGolden(cases.dent!, { inPasses: true })).toHaveProperty('carried');
  });
});

it('finds the golden vectors', () => {
  expect(goldenNames()).toEqual(
    expect.arrayContaining(['averaging', 'bottleneck', 'bundled', 'mobilenet', 'vgg']),
  );
});
