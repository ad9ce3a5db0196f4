import { expect, it } from 'vitest';
import { float32 } from '../../tensor.ts';
import { adaptInPasses, type PassResult, type PassState } from './adapt-in-passes.ts';

/** Answers for three rows. Every number says which pass made it. */
async function answer({ carried, updates }: PassState): Promise<PassResult> {
  const next = float32(
    carried.dims,
    carried.data.map((value) => value + 1),
  );
  const numbers = [0, 1, 2].map((row) => updates * 100 + row);
  return {
    logits: float32(
      [3, 2],
      numbers.flatMap((n) => [n, -n]),
    ),
    entropy: float32([3], numbers),
    top: float32(
      [3, 2],
      numbers.flatMap((n) => [n, 0.5]),
    ),
    carried: next,
    gradient: { type: 'float64', dims: [1, 2], data: Float64Array.of(0, 2 * updates + 1) },
  };
}

it('hands on what is carried and the gradient, and gathers the entropies and top classes', async () => {
  const states: PassState[] = [];
  const pass = async (state: PassState) => {
    states.push(state);
    return answer(state);
  };
  const adapted = await adaptInPasses(pass, [3, 2], 3, 2);
  expect(states.map(({ updates, adapt, batchRows }) => [updates, adapt, batchRows])).toEqual([
    [0, true, 3],
    [1, true, 3],
    [2, false, 3],
  ]);
  expect(states.map(({ carried }) => [carried.dims, carried.data[0]])).toEqual([
    [[3, 2], 0],
    [[3, 2], 1],
    [[3, 2], 2],
  ]);
  expect(states.map(({ gradient }) => [gradient.dims, ...gradient.data])).toEqual([
    [[1, 2], 0, 0],
    [[1, 2], 0, 1],
    [[1, 2], 0, 3],
  ]);
  expect(adapted).toEqual({
    logits: float32([3, 2], [200, -200, 201, -201, 202, -202]),
    staticLogits: float32([3, 2], [0, -0, 1, -1, 2, -2]),
    entropy: float32([3, 3], [0, 1, 2, 100, 101, 102, 200, 201, 202]),
    top: float32(
      [3, 3, 2],
      [0, 1, 2, 100, 101, 102, 200, 201, 202].flatMap((n) => [n, 0.5]),
    ),
  });
});

it('without updates predicts once, and the model as it is is the prediction', async () => {
  let passes = 0;
  const count = async (state: PassState) => {
    passes += 1;
    return answer(state);
  };
  const adapted = await adaptInPasses(count, [3, 2], 3, 0);
  expect(passes).toBe(1);
  expect(adapted.staticLogits).toEqual(adapted.logits);
});
