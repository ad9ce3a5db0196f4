import { expect, it } from 'vitest';
import { type Dim, float32Constant, type Graph, GraphBuilder, type Value } from '../onnx/index.ts';
import { PRESETS } from './recipe.ts';
import { rowsPerEvenPart, rowsPerPart, rowsPerPartOf, rowsPerRun } from './rows-per-part.ts';

/** Elements of 1 MB. */
const MB = 250_000;

/** Rows for a graph with so many MB of weights and a node for each of the given shapes of activations. */
function rowsFor(weights: number, shapes: readonly (readonly Dim[])[], adapts = true): number {
  return rowsPerPart(graphOf(weights, shapes), adapts);
}

function graphOf(weights: number, shapes: readonly (readonly Dim[])[]): Graph {
  const b = new GraphBuilder();
  const x: Value = { name: 'x' };
  const weight = b.constant(float32Constant([weights * MB], new Float32Array(weights * MB)), 'weight');
  const outputs = shapes.map((shape) => b.op('Mul', [x, weight], { shape }));
  return b.build('g', [x], outputs);
}

it.each<readonly [string, number, number, readonly (readonly Dim[])[]]>([
  ['as many as make activations weigh three times the weights', 6, 4, [['N', 2 * MB]]],
  [
    'fewer where there are more activations',
    3,
    4,
    [
      ['N', 2 * MB],
      ['N', 2, MB],
    ],
  ],
  ['more where there are many nodes', 4, 0, Array.from({ length: 20 }, () => ['N', MB / 40])],
  ['at least 1', 1, 1, [['N', 64, 112, 112]]],
  ['at most 16', 16, 10, [['N', MB]]],
  ['no more than half a gigabyte', 5, 300, [['N', 100 * MB]]],
  ['16 where nothing has a batch axis', 16, 0, [[1, 64, 512, 512]]],
  ['16 where sizes are open', 16, 0, [['N', 64, 'h', 'w']]],
  ['1 for a graph of nothing', 1, 0, []],
])('takes %s', (_what, rows, weights, shapes) => {
  expect(rowsFor(weights, shapes)).toBe(rows);
});

it('takes four times as many to predict alone', () => {
  expect(rowsFor(4, [['N', 2 * MB]], false)).toBe(24);
});

it('takes more to adapt where rows stop or the far cache is fast, and eight parts to a run of rows that stop', () => {
  const graph = graphOf(
    0,
    Array.from({ length: 20 }, () => ['N', MB / 40]),
  );
  const { brief, isolated, static: asItIs } = PRESETS;
  const large = graphOf(1, [['N', 10 * MB], ...Array.from({ length: 200 }, () => [1])]);
  expect(rowsPerPartOf(large, isolated, 'slow')).toBe(2);
  // Not 8, as 8 rows of 10 MB are in no cache.
  expect(rowsPerPartOf(large, isolated, 'fast')).toBe(3);
  expect(rowsPerPartOf(large, brief, 'fast')).toBe(7);
  const recipes = [isolated, brief, asItIs];
  expect(recipes.map((recipe) => rowsPerPartOf(graph, recipe, 'slow'))).toEqual([4, 16, 16]);
  expect(recipes.map((recipe) => rowsPerPartOf(graph, recipe, 'fast'))).toEqual([16, 16, 16]);
  expect(recipes.map((recipe) => rowsPerRun(graph, recipe, 'slow'))).toEqual([4, 128, 16]);
  expect(recipes.map((recipe) => rowsPerRun(graph, recipe, 'fast'))).toEqual([16, 128, 16]);
});

it.each<readonly [string, number, readonly (readonly Dim[])[]]>([
  ['16 rows of 150 MB', 16, [['N', 150 * MB]]],
  ['512 rows of 4 MB', 512, [['N', 4 * MB]]],
  ['1 row that has more', 1, [['N', 4096 * MB]]],
  ['any batch where sizes are open', 2 ** 31, [['N', 64, 'h', 'w']]],
])('takes %s where all parts of a GPU have one size', (_what, rows, shapes) => {
  expect(rowsPerEvenPart(graphOf(0, shapes))).toBe(rows);
});
