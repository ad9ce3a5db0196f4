import { expect, it } from 'vitest';
import { type Dim, GraphBuilder, type Value } from '../onnx/index.ts';
import { rowsPerPart } from './rows-per-part.ts';

/** Elements of 64 KiB. */
const EIGHTH = 2 ** 14;

/** A graph with activations of the given shapes. */
function rowsFor(...shapes: readonly (readonly Dim[])[]): number {
  const b = new GraphBuilder();
  const x: Value = { name: 'x' };
  const outputs = shapes.map((shape) => b.op('Relu', [x], { shape }));
  return rowsPerPart(b.build('g', [x], outputs));
}

it.each<readonly [string, number, readonly (readonly Dim[])[]]>([
  [
    'as many as keep the largest activation in the cache',
    8,
    [
      ['N', 100],
      ['N', 16, 32, 32],
    ],
  ],
  ['rounded down', 7, [['N', EIGHTH + 1]]],
  ['at most 16', 16, [['N', 10]]],
  ['at least 4', 4, [['N', 64, 112, 112]]],
  ['16 where nothing has a batch axis', 16, [[1, 64, 512, 512]]],
  ['16 where sizes are open', 16, [['N', 64, 'h', 'w']]],
  ['16 for a graph of nothing', 16, []],
])('takes %s', (_what, rows, shapes) => {
  expect(rowsFor(...shapes)).toBe(rows);
});
