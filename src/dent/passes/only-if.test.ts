import { afterAll, expect, it } from 'vitest';
import { createEngine } from '../../engine/index.ts';
import { DATA_TYPE, encodeModel, GraphBuilder, type Value } from '../../onnx/index.ts';
import { float32 } from '../../tensor.ts';
import { onlyIf } from './only-if.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 20_000 });
afterAll(() => engine.close());

it('computes what only the output needs where the condition holds, and shares the rest', async () => {
  const b = new GraphBuilder();
  const x: Value = { name: 'x', type: { dataType: DATA_TYPE.float32, shape: [2] } };
  const wanted: Value = { name: 'wanted', type: { dataType: DATA_TYPE.bool, shape: [] } };
  const doubled = b.op('Mul', [x, 2], { shape: [2] });
  const sum = b.op('Add', [doubled, 1], { name: 'sum', shape: [2] });
  const root = b.op('Sqrt', [b.op('Mul', [doubled, 8], { shape: [2] })], { name: 'root', shape: [2] });
  const graph = onlyIf(b.build('g', [x, wanted], [sum, root]), {
    condition: wanted,
    output: root,
    otherwise: x,
  });
  expect(graph.nodes.map((node) => node.opType)).toEqual(['Mul', 'Add', 'If']);
  const model = { irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph };
  const run = async (condition: 0 | 1) => {
    const bool = { type: 'bool', dims: [], data: Uint8Array.of(condition) } as const;
    const results = await engine.evaluate(encodeModel(model), { x: float32([2], [1, 4]), wanted: bool });
    return [results.sum!, results.root!].map(({ data }) => Array.from(data, Number));
  };
  expect(await run(1)).toEqual([
    [3, 9],
    [4, 8],
  ]);
  expect(await run(0)).toEqual([
    [3, 9],
    [1, 4],
  ]);
});
