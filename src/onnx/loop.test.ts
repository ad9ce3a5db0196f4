import { describe, expect, it } from 'vitest';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { float32, int64 } from '../tensor.ts';
import { appendLoop, DATA_TYPE, encodeModel, GraphBuilder, type Value, type ValueType } from './index.ts';

const engine = startEngine();

const row: ValueType = { dataType: DATA_TYPE.float32, shape: [2] };

/**
 * sum = start + start + ..., once for each trip; count: how often a loop inside has added one. Gathered are
 * the sum before each trip and the count after it.
 */
function model(): Uint8Array {
  const b = new GraphBuilder();
  const [start, trips]: Value[] = [
    { name: 'start', type: row },
    { name: 'trips', type: { dataType: DATA_TYPE.int64, shape: [] } },
  ];
  const carried = [
    { name: 'sum', start: b.op('Mul', [start!, 0]), type: row },
    { name: 'count', start: b.float(0), type: { dataType: DATA_TYPE.float32, shape: [] } },
  ];
  const results = appendLoop(b, { name: 'outer', trips: trips!, carried }, (body, trip, [sum, count]) => {
    const ones = { name: 'ones', start: count!, type: { dataType: DATA_TYPE.float32, shape: [] } };
    const [added] = appendLoop(body, { name: 'inner', trips: trip, carried: [ones] }, (inner, _, [n]) => ({
      carried: [inner.op('Add', [n!, 1])],
    }));
    return {
      carried: [body.op('Add', [sum!, start!]), added!],
      gathered: [body.op('Identity', [sum!], { shape: [2] }), added!],
    };
  });
  const outputs = results.map((value, i) => b.op('Identity', [value], { name: `y${i}` }));
  const graph = b.build('looped', [start!, trips!], outputs);
  return encodeModel({ irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph });
}

describe('appendLoop', () => {
  const run = async (trips: number) => {
    const results = await engine.evaluate(model(), {
      start: float32([2], [1, -2]),
      trips: int64([], [trips]),
    });
    return Object.values(results).map(({ dims, data }) => ({ dims, data: Array.from(data, Number) }));
  };

  it('carries values from trip to trip and gathers others', async () => {
    expect(await run(4)).toEqual([
      { dims: [2], data: [4, -8] },
      { dims: [], data: [0 + 1 + 2 + 3] },
      { dims: [4, 2], data: [0, -0, 1, -2, 2, -4, 3, -6] },
      { dims: [4], data: [0, 1, 3, 6] },
    ]);
  });

  it('gives back the start where it makes no trip, and gathers nothing of the right shape', async () => {
    expect(await run(0)).toEqual([
      { dims: [2], data: [0, -0] },
      { dims: [], data: [0] },
      { dims: [0, 2], data: [] },
      { dims: [0], data: [] },
    ]);
  });
});
