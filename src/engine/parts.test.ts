import { describe, expect, it } from 'vitest';
import { float32, int64 } from '../tensor.ts';
import { cutRows, dealRows, firstRows, inDealtOrder, joinOutputs } from './parts.ts';

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

describe('dealRows', () => {
  it.each([
    [1, 2, [[0]]],
    [
      5,
      2,
      [
        [0, 2, 4],
        [1, 3],
      ],
    ],
    [
      6,
      1,
      [
        [0, 2, 4],
        [1, 3, 5],
      ],
    ],
    [
      7,
      3,
      [
        [0, 3, 6],
        [1, 4],
        [2, 5],
      ],
    ],
  ])('deals %i rows to %i processes as %j', (rows, processes, expected) => {
    const batch = float32(
      [rows, 2],
      Float32Array.from({ length: 2 * rows }, (_, i) => Math.floor(i / 2)),
    );
    const parts = dealRows(batch, 4, processes);
    expect(parts.map(({ data }) => [...data].filter((_, i) => i % 2 === 0))).toEqual(expected);
    expect(parts.map(({ dims }) => dims)).toEqual(expected.map((part) => [part.length, 2]));
  });
});

/** Outputs for the rows with these numbers. */
const outputsOf = (numbers: readonly number[]) => ({
  logits: float32(
    [numbers.length, 2],
    numbers.flatMap((n) => [n, -n]),
  ),
  entropy: float32(
    [3, numbers.length],
    [0, 1, 2].flatMap((step) => numbers.map((n) => step * 1000 + n)),
  ),
  top: float32(
    [3, numbers.length, 2],
    [0, 1, 2].flatMap((step) => numbers.flatMap((n) => [n, step * 1000 + n])),
  ),
});
const JOIN = { logits: 'rows', entropy: 'columns', top: 'columns', sigma: 'same' } as const;

it.each([
  [
    [
      [0, 2, 4],
      [1, 3],
    ],
  ],
  [[[0, 3], [1, 4], [2]]],
  [[[0, 1]]],
])('inDealtOrder puts the outputs of %j back in order', (parts) => {
  const sigma = float32([1], [7]);
  const joined = joinOutputs(
    parts.map((part) => ({ ...outputsOf(part), sigma })),
    JOIN,
  );
  const inOrder = parts.flat().toSorted((a, b) => a - b);
  expect(inDealtOrder(joined, JOIN, parts.length)).toEqual({ ...outputsOf(inOrder), sigma });
});

describe('joinOutputs', () => {
  it('joins by rows and by columns', () => {
    const parts = [[0, 1], [2], [3, 4]].map(outputsOf);
    expect(joinOutputs(parts, JOIN)).toEqual(outputsOf([0, 1, 2, 3, 4]));
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
  expect(firstRows(outputs, { from: 2, join: JOIN })).toEqual({
    logits: float32([2, 2], [1, 2, 3, 4]),
    entropy: float32([2, 2], [1, 2, 4, 5]),
    top: float32([2, 2, 2], [1, 2, 3, 4, 7, 8, 9, 10]),
    sigma: outputs.sigma,
  });
});
