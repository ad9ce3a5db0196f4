import { expect, it } from 'vitest';
import { withCompiled } from '../../test/fixtures/dent/compiled.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { loadGolden } from '../../test/golden/load.ts';
import type { LoadedArtifact } from '../engine/index.ts';
import { float32, rows, type Tensor } from '../tensor.ts';
import { compile, createRecipe } from './index.ts';

const engine = startEngine({ threads: 2 });

/** Rows of several classes, some of which change with the steps. */
const { model, input } = loadGolden('averaging');
const [ROWS] = input.dims as [number];
const STEPS = 3;

/** The number of the largest logit of each row, and its probability, [N, 2]. */
function topOf({ dims, data }: Tensor<'float32'>): Tensor<'float32'> {
  const [count, classes] = dims as [number, number];
  const pairs = Array.from({ length: count }, (_, row) => {
    const logits = Array.from(data.subarray(row * classes, (row + 1) * classes), Number);
    const most = Math.max(...logits);
    return [logits.indexOf(most), 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)];
  });
  return float32([count, 2], pairs.flat());
}

async function expectTopOfEachStep(artifact: LoadedArtifact, steps: number): Promise<Set<number>> {
  const { top } = await artifact.run(input, STEPS);
  expect(top!.dims).toEqual([steps + 1, ROWS, 2]);
  for (let step = 0; step <= steps; step++) {
    const { logits } = await artifact.run(input, step);
    const expected = topOf(logits).data;
    const actual = rows(top!, step, step + 1).data;
    expect(actual.filter((_, i) => i % 2 === 0)).toEqual(expected.filter((_, i) => i % 2 === 0));
    for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 5);
  }
  return new Set(top!.data.filter((_, i) => i % 2 === 0));
}

it.each([
  [{ preset: 'static' }, {}],
  [{ preset: 'auto' }, {}],
  [{ preset: 'isolated', lr: 0.02 }, {}],
  [{ preset: 'dent', lr: 0.02 }, {}],
  [{ preset: 'dent', lr: 0.02 }, { inPasses: true }],
  [{ preset: 'dent', lr: 0.02 }, { isPadded: true }],
  [{ preset: 'dent+' }, {}],
  [{ preset: 'dent-smooth' }, {}],
  [{ preset: 'brief', gate: 0.8, floor: 0.75 }, {}],
  [{ preset: 'brief', gate: 0.8, floor: 0.75 }, { isPadded: true }],
] as const)(
  'the top class of a step is that of as many steps: %j, compiled with %j',
  async (options, how) => {
    const recipe = createRecipe(options);
    const compiled = await compile(model, recipe, engine, how);
    const steps = recipe.steps === 0 ? 0 : STEPS;
    const classes = await withCompiled(engine, compiled, (artifact) => expectTopOfEachStep(artifact, steps));
    expect(classes.size).toBeGreaterThan(1);
  },
);
