import { expect, it } from 'vitest';
import { float32 } from '../tensor.ts';
import { adaptInPasses } from './adapt-in-passes.ts';
import type { PassResult, PassState } from './messages.ts';

/** Answers for parts of 2 and 1 rows; every number says in which pass it was made. */
function answers({ carried, updates }: PassState): PassResult[] {
  const next = float32(
    carried.dims,
    carried.data.map((value) => value + 1),
  );
  const part = (first: number, rows: number): PassResult => {
    const numbers = Array.from({ length: rows }, (_, i) => updates * 100 + first + i);
    return {
      logits: float32(
        [rows, 2],
        numbers.flatMap((n) => [n, -n]),
      ),
      entropy: float32([rows], numbers),
      carried: next,
      gradient: Float64Array.of(2 ** 24 * (first - 0.5), updates + first),
    };
  };
  return [part(0, 2), part(1, 1)];
}

it('hands on what is carried, adds the gradients up exactly, and puts the rows together', async () => {
  const states: PassState[] = [];
  const pass = async (state: PassState) => {
    states.push(state);
    return answers(state);
  };
  const answer = await adaptInPasses(pass, [3, 2], 3, 2);
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
  expect(answer).toEqual({
    logits: float32([3, 2], [200, -200, 201, -201, 201, -201]),
    staticLogits: float32([3, 2], [0, -0, 1, -1, 1, -1]),
    entropy: float32([3, 3], [0, 1, 1, 100, 101, 101, 200, 201, 201]),
  });
});

it('without updates predicts once, and the model as it is is the prediction', async () => {
  let passes = 0;
  const answer = await adaptInPasses(
    async (state) => {
      passes += 1;
      return answers(state);
    },
    [3, 2],
    3,
    0,
  );
  expect(passes).toBe(1);
  expect(answer.staticLogits).toEqual(answer.logits);
});
