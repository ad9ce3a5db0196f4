import { describe, expect, it } from 'vitest';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import {
  encodeModel,
  float32Constant,
  fromTensor,
  type Graph,
  GraphBuilder,
  type Model,
  toTensor,
  type Value,
} from '../../../onnx/index.ts';
import { float32 } from '../../../tensor.ts';
import type { GraphRunner } from '../../graph-runner.ts';
import { foldConstants } from './fold-constants.ts';

const engine = startEngine();

const x: Value = { name: 'x', type: { dataType: 1, shape: ['N', 2] } };
const opTypes = ({ graph }: Model) => graph.nodes.map((node) => node.opType);
const modelOf = (graph: Graph): Model => ({
  irVersion: 8,
  opset: 18,
  otherDomains: {},
  producer: '',
  metadata: {},
  graph,
});

/** A runner that fails when it is used: these models must not need one. */
const idle: GraphRunner = { probe: () => Promise.reject(new Error('Nothing was to be run.')) };

async function expectSameResult(before: Model, after: Model): Promise<void> {
  const feeds = { x: float32([1, 2], [0.5, -3]) };
  expect(await engine.evaluate(encodeModel(after), feeds)).toEqual(
    await engine.evaluate(encodeModel(before), feeds),
  );
}

describe('foldConstants', () => {
  it('reads Constant nodes without running them', async () => {
    const b = new GraphBuilder();
    const scale = b.op('Constant', [], {
      attributes: { value: { kind: 'tensor', value: float32Constant([2], [3, 4]) } },
    });
    const model = modelOf(b.build('g', [x], [b.op('Mul', [x, scale], { name: 'y' })]));
    const folded = await foldConstants(model, idle);
    expect(opTypes(folded)).toEqual(['Mul']);
    expect(folded.graph.initializers.get(scale)).toEqual(float32Constant([2], [3, 4]));
    await expectSameResult(model, folded);
  });

  it('computes what no input reaches, and leaves the rest', async () => {
    const b = new GraphBuilder();
    const weight = b.op('Transpose', [b.constant(float32Constant([1, 2], [3, 4]))]);
    const sum = b.op('Add', [b.op('Exp', [weight]), 1], { name: 'sum' });
    const product = b.op('MatMul', [x, sum]);
    const model = modelOf(b.build('g', [x], [b.op('Add', [product, weight], { name: 'y' })]));
    const folded = await foldConstants(model, engine);
    expect(opTypes(folded)).toEqual(['MatMul', 'Add']);
    expect(folded.graph.initializers.size).toBe(2);
    const values = [...toTensor(folded.graph.initializers.get(sum)!).data].map(Number);
    expect(values[0]).toBeCloseTo(Math.exp(3) + 1, 4);
    await expectSameResult(model, folded);
  });

  it('computes Constant nodes of the short forms', async () => {
    const b = new GraphBuilder();
    const two = b.op('Constant', [], { attributes: { value_float: { float: 2 } } });
    const shape = b.op('Constant', [], { attributes: { value_ints: [2, 1] } });
    const model = modelOf(
      b.build('g', [x], [b.op('Reshape', [b.op('Mul', [x, two]), shape], { name: 'y' })]),
    );
    const folded = await foldConstants(model, engine);
    expect(opTypes(folded)).toEqual(['Mul', 'Reshape']);
    expect(folded.graph.initializers.get(shape)).toEqual(
      fromTensor({ type: 'int64', dims: [2], data: BigInt64Array.of(2n, 1n) }),
    );
    await expectSameResult(model, folded);
  });

  it('folds an output that is constant', async () => {
    const b = new GraphBuilder();
    const model = modelOf(b.build('g', [x], [b.op('Exp', [b.float(1)], { name: 'y' })]));
    const folded = await foldConstants(model, engine);
    expect(opTypes(folded)).toEqual([]);
    expect(folded.graph.initializers.has(folded.graph.outputs[0]!)).toBe(true);
  });

  it('folds no chance', async () => {
    const b = new GraphBuilder();
    const noise = b.op('RandomNormal', [], { attributes: { shape: [2] } });
    const model = modelOf(b.build('g', [x], [b.op('Add', [x, noise], { name: 'y' })]));
    expect(opTypes(await foldConstants(model, idle))).toEqual(['RandomNormal', 'Add']);
  });

  it('keeps what a body takes from around it', async () => {
    const b = new GraphBuilder();
    const folded = b.op('Exp', [b.float(1)]);
    const branch = (op: string) => {
      const inner = new GraphBuilder();
      return { graph: inner.build(op, [], [inner.op(op, [x, folded])]) };
    };
    const condition = b.op('Greater', [b.op('ReduceSum', [x], { attributes: { keepdims: 0 } }), 0]);
    const chosen = b.op('If', [condition], {
      attributes: { then_branch: branch('Mul'), else_branch: branch('Add') },
    });
    const y = b.op('Add', [chosen, b.op('Neg', [b.float(1)])], { name: 'y' });
    const model = modelOf(b.build('g', [x], [y]));
    const after = await foldConstants(model, engine);
    expect(opTypes(after)).toEqual(['ReduceSum', 'Greater', 'If', 'Add']);
    await expectSameResult(model, after);
  });

  it('leaves the model that it was given', async () => {
    const b = new GraphBuilder();
    const model = modelOf(b.build('g', [x], [b.op('Mul', [x, b.op('Exp', [b.float(1)])])]));
    await foldConstants(model, engine);
    expect(opTypes(model)).toEqual(['Exp', 'Mul']);
    expect(model.graph.initializers.size).toBe(1);
  });
});
