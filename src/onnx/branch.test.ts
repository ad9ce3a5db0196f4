import { expect, it } from 'vitest';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { float32 } from '../tensor.ts';
import { appendIf } from './branch.ts';
import { DATA_TYPE, encodeModel, GraphBuilder, type Value } from './index.ts';

const engine = startEngine();

it('computes the branch where the condition holds, from values around it', async () => {
  const b = new GraphBuilder();
  const x: Value = { name: 'x', type: { dataType: DATA_TYPE.float32, shape: [2] } };
  const condition: Value = { name: 'wanted', type: { dataType: DATA_TYPE.bool, shape: [] } };
  const doubled = b.op('Mul', [x, 2], { shape: [2] });
  const root = appendIf(b, { name: 'choice', condition, otherwise: x }, (branch) => {
    branch.op('Exp', [doubled], { name: 'of no use' });
    return branch.op('Sqrt', [branch.op('Mul', [doubled, 8])]);
  });
  const graph = b.build('g', [x, condition], [b.op('Identity', [root], { name: 'y', shape: [2] })]);
  const choice = graph.nodes.find((node) => node.opType === 'If')!.attributes.then_branch!;
  expect(choice.kind === 'graph' && choice.value.nodes.map((node) => node.opType)).toEqual(['Mul', 'Sqrt']);
  const model = { irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph };
  const run = async (wanted: 0 | 1) => {
    const bool = { type: 'bool', dims: [], data: Uint8Array.of(wanted) } as const;
    const results = await engine.evaluate(encodeModel(model), { x: float32([2], [1, 4]), wanted: bool });
    return Array.from(results.y!.data, Number);
  };
  expect(await run(1)).toEqual([4, 8]);
  expect(await run(0)).toEqual([1, 4]);
});
