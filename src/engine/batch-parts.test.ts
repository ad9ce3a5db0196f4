import { describe, expect, it } from 'vitest';
import { float32 } from '../tensor.ts';
import { cutBatch, joinAnswers } from './batch-parts.ts';

const sizes = (rows: number, processes: number) =>
  cutBatch(float32([rows, 2], new Float32Array(rows * 2)), 16, processes).map(({ dims }) => dims[0]);

describe('cutBatch', () => {
  it.each([
    [1, 1, [1]],
    [1, 2, [1]],
    [2, 2, [1, 1]],
    [16, 1, [16]],
    [17, 1, [8, 9]],
    [20, 2, [10, 10]],
    [33, 2, [8, 8, 8, 9]],
    [128, 2, [16, 16, 16, 16, 16, 16, 16, 16]],
    [5, 3, [1, 2, 2]],
  ])('cuts %i rows for %i processes into %j', (rows, processes, expected) => {
    expect(sizes(rows, processes)).toEqual(expected);
  });

  it('keeps the rows in their order and copies none', () => {
    const batch = float32(
      [20, 3],
      Float32Array.from({ length: 60 }, (_, i) => i),
    );
    const parts = cutBatch(batch, 16, 2);
    expect(parts.flatMap(({ data }) => [...data])).toEqual([...batch.data]);
    expect(parts.every(({ data }) => data.buffer === batch.data.buffer)).toBe(true);
  });
});

describe('joinAnswers', () => {
  /** An answer for rows numbered from `first`: two classes and two updates. */
  function answer(first: number, rows: number, sigma?: number[]) {
    const numbers = Array.from({ length: rows }, (_, i) => first + i);
    return {
      logits: float32(
        [rows, 2],
        numbers.flatMap((n) => [n, -n]),
      ),
      staticLogits: float32(
        [rows, 2],
        numbers.flatMap((n) => [n + 100, -n]),
      ),
      entropy: float32(
        [3, rows],
        [0, 1, 2].flatMap((step) => numbers.map((n) => step * 1000 + n)),
      ),
      ...(sigma && { sigma: float32([sigma.length], sigma) }),
    };
  }

  it('joins logits by rows and entropies by columns', () => {
    expect(joinAnswers([answer(0, 2), answer(2, 1), answer(3, 2)])).toEqual(answer(0, 5));
  });

  it('joins a sigma for each row', () => {
    const joined = joinAnswers([answer(0, 2, [1, 2]), answer(2, 1, [3])]);
    expect(joined.sigma).toEqual(float32([3], [1, 2, 3]));
  });

  it('keeps one sigma that holds for all rows', () => {
    const joined = joinAnswers([answer(0, 2, [0.5]), answer(2, 1, [0.5])]);
    expect(joined.sigma).toEqual(float32([1], [0.5]));
  });
});
