import { expect, it } from 'vitest';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { DATA_TYPE, encodeModel, type Graph, GraphBuilder, type Value } from '../../../onnx/index.ts';
import { float32, type Tensor } from '../../../tensor.ts';
import { sumAtOnce } from './sum-at-once.ts';

const engine = startEngine();
const image: Value = { name: 'image', type: { dataType: DATA_TYPE.float32, shape: ['N', 2, 3, 4] } };
const images = float32(
  [3, 2, 3, 4],
  Float32Array.from({ length: 72 }, (_, i) => Math.sin(i)),
);

async function run(graph: Graph) {
  const model = { irVersion: 8, opset: 18, otherDomains: {}, producer: 'test', metadata: {}, graph };
  const answer = await engine.evaluate(encodeModel(model), { image: images });
  return Object.values(answer).map((tensor) => [...(tensor as Tensor<'float32'>).data]);
}

const sums = (graph: Graph) => graph.nodes.filter(({ opType }) => opType === 'ReduceSum').length;

function joined(axes: readonly number[], axis: number, isReadTwice = false): Graph {
  const b = new GraphBuilder();
  const parts = [1, 2, 3].map((factor) =>
    b.op('ReduceSum', [b.op('Mul', [image, factor]), b.ints(axes)], { attributes: { keepdims: 1 } }),
  );
  const result = b.op('Concat', parts, { name: 'result', attributes: { axis } });
  const others = isReadTwice ? [b.op('Neg', [parts[1]!], { name: 'other' })] : [];
  return b.build('test', [image], [result, ...others]);
}

it('sums what is joined, once', async () => {
  const graph = joined([0], 1);
  const atOnce = sumAtOnce(graph);
  expect([sums(graph), sums(atOnce)]).toEqual([3, 1]);
  expect(await run(atOnce)).toEqual(await run(graph));
});

it.each([
  ['other axes', joined([2], 1)],
  ['a join along the rows', joined([0], 0)],
  ['a sum that something else reads', joined([0], 1, true)],
])('leaves %s alone', async (_, graph) => {
  const atOnce = sumAtOnce(graph);
  expect(sums(atOnce)).toBe(3);
  expect(await run(atOnce)).toEqual(await run(graph));
});
