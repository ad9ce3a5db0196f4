import { describe, expect, it } from 'vitest';
import { float32, int64 } from '../tensor.ts';
import { cutRows, cutShrinking, firstRows, joinOutputs } from './parts.ts';

const sizes = (rows: number, processes: number) =>
  cutRows(float32([rows, 2], new Float32Array(rows * 2)), 16, processes).map(({ dims }) => dims[0]);

describe('cutRows', () => {
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
    const parts = cutRows(batch, 16, 2);
    expect(parts.flatMap(({ data }) => [...data])).toEqual([...batch.data]);
    expect(parts.every(({ data }) => data.buffer === batch.data.buffer)).toBe(true);
  });
});

describe('cutShrinking', () => {
  it.each([
    [1, 2, [1]],
    [4, 2, [4]],
    [10, 2, [8, 2]],
    [64, 1, [16, 16, 16, 16]],
    [64, 2, [16, 16, 16, 8, 4, 4]],
    [30, 16, [4, 4, 4, 4, 4, 4, 4, 2]],
  ])('cuts %i rows for %i processes into %j', (rows, processes, expected) => {
    const batch = float32(
      [rows, 2],
      Float32Array.from({ length: 2 * rows }, (_, i) => i),
    );
    const parts = cutShrinking(batch, { largest: 16, smallest: 4 }, processes);
    expect(parts.map(({ dims }) => dims[0])).toEqual(expected);
    expect(parts.flatMap(({ data }) => [...data])).toEqual([...batch.data]);
  });
});

describe('joinOutputs', () => {
  /** Outputs for rows numbered from `first`. */
  function outputs(first: number, rows: number) {
    const numbers = Array.from({ length: rows }, (_, i) => first + i);
    return {
      logits: float32(
        [rows, 2],
        numbers.flatMap((n) => [n, -n]),
      ),
      entropy: float32(
        [3, rows],
        [0, 1, 2].flatMap((step) => numbers.map((n) => step * 1000 + n)),
      ),
      top: float32(
        [3, rows, 2],
        [0, 1, 2].flatMap((step) => numbers.flatMap((n) => [n, step * 1000 + n])),
      ),
    };
  }

  it('joins by rows and by columns', () => {
    const parts = [outputs(0, 2), outputs(2, 1), outputs(3, 2)];
    const join = { logits: 'rows', entropy: 'columns', top: 'columns' } as const;
    expect(joinOutputs(parts, join)).toEqual(outputs(0, 5));
  });

  it('joins rows of any element type', () => {
    const parts = [[1n], [2n, 3n]].map((data) => ({ x: int64([data.length], data) }));
    expect(joinOutputs(parts, { x: 'rows' })).toEqual({ x: int64([3], [1n, 2n, 3n]) });
  });

  it('adds up in float64, also what is one part alone', () => {
    const parts = [2 ** 24, 1, 1].map((n) => ({ g: float32([1, 2], [n, 0.5]) }));
    expect(joinOutputs(parts, { g: 'sum' })).toEqual({
      g: { type: 'float64', dims: [1, 2], data: Float64Array.of(2 ** 24 + 2, 1.5) },
    });
    expect(joinOutputs(parts.slice(0, 1), { g: 'sum' }).g!.type).toBe('float64');
  });

  it('takes what is the same in all parts once', () => {
    const part = { sigma: float32([1], [0.5]) };
    expect(joinOutputs([part, part], { sigma: 'same' })).toEqual(part);
  });
});

it('firstRows leaves out what was added', () => {
  const outputs = {
    logits: float32([3, 2], [1, 2, 3, 4, 5, 6]),
    entropy: float32([2, 3], [1, 2, 3, 4, 5, 6]),
    top: float32([2, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    sigma: float32([1], [7]),
  };
  const join = { logits: 'rows', entropy: 'columns', top: 'columns', sigma: 'same' } as const;
  expect(firstRows(outputs, { from: 2, join })).toEqual({
    logits: float32([2, 2], [1, 2, 3, 4]),
    entropy: float32([2, 2], [1, 2, 4, 5]),
    top: float32([2, 2, 2], [1, 2, 3, 4, 7, 8, 9, 10]),
    sigma: outputs.sigma,
  });
});
