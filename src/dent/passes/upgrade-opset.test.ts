import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../engine/index.ts';
import { InputError } from '../../errors.ts';
import {
  type Attribute,
  encodeModel,
  type Graph,
  GraphBuilder,
  int64Constant,
  type Model,
  type Node,
  type OpOptions,
  type Value,
} from '../../onnx/index.ts';
import { float32, type Tensor } from '../../tensor.ts';
import { dropIdentities } from './drop-identities.ts';
import { upgradeOpset } from './upgrade-opset.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 20_000 });
afterAll(() => engine.close());

const dims = [2, 4, 3, 2] as const;
const input: Value = { name: 'x', type: { dataType: 1, shape: ['N', 4, 3, 2] } };
const x = float32(
  dims,
  Array.from({ length: 48 }, (_, i) => Math.sin(i) * 2),
);

interface Call {
  readonly attributes?: OpOptions['attributes'];
  readonly outputs?: number;
  readonly write?: (builder: GraphBuilder) => Value;
}

/** A model of opset `opset` that calls `op` on the input, or on what `write` makes of it. */
function modelOf(op: string, opset: number, { attributes = {}, outputs = 1, write }: Call): Model {
  const b = new GraphBuilder();
  const results = b.multi(op, [write?.(b) ?? input], outputs, { name: 'subject', attributes });
  const named = results.map((value, i) => b.op('Identity', [value], { name: `y${i}` }));
  const graph = b.build('g', [input], named);
  return { irVersion: 6, opset, otherDomains: {}, producer: '', metadata: {}, graph };
}

const run = (model: Model) => engine.evaluate(encodeModel(model), { x });

/** Alike but for the order in which a kernel of another version sums. */
function expectAlike(actual: Record<string, Tensor>, expected: Record<string, Tensor>): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, { dims, data }] of Object.entries(expected)) {
    expect(actual[name]!.dims).toEqual(dims);
    data.forEach((value, i) => {
      expect(actual[name]!.data[i]).toBeCloseTo(Number(value), 5);
    });
  }
}

/** Everything that changed between operator set 11 and 18, each in the operator set before its change. */
const CHANGES: readonly (readonly [title: string, op: string, opset: number, call: Call])[] = [
  ['ReduceMean over axes', 'ReduceMean', 17, { attributes: { axes: [2, 3], keepdims: 0 } }],
  ['ReduceMean over everything', 'ReduceMean', 17, {}],
  ['ReduceMax', 'ReduceMax', 17, { attributes: { axes: [-1] } }],
  ['ReduceMin', 'ReduceMin', 11, { attributes: { axes: [1] } }],
  ['ReduceProd', 'ReduceProd', 13, { attributes: { axes: [0] } }],
  ['ReduceL1', 'ReduceL1', 17, { attributes: { axes: [1, 2] } }],
  ['ReduceL2', 'ReduceL2', 17, { attributes: { axes: [1, 2] } }],
  ['ReduceSumSquare', 'ReduceSumSquare', 17, { attributes: { axes: [3] } }],
  ['ReduceLogSumExp', 'ReduceLogSumExp', 17, { attributes: { axes: [1], keepdims: 0 } }],
  ['ReduceLogSum', 'ReduceLogSum', 17, { attributes: { axes: [1] }, write: (b) => b.op('Exp', [input]) }],
  ['ReduceSum before its own change', 'ReduceSum', 12, { attributes: { axes: [1, 3] } }],
  ['Unsqueeze', 'Unsqueeze', 12, { attributes: { axes: [0, 5] } }],
  ['Squeeze', 'Squeeze', 12, { attributes: { axes: [0] }, write: (b) => oneMoreAxis(b, [0]) }],
  ['Squeeze of every axis of size one', 'Squeeze', 11, { write: (b) => oneMoreAxis(b, [2]) }],
  ['Split by sizes', 'Split', 12, { attributes: { axis: 1, split: [1, 3] }, outputs: 2 }],
  ['Split in equal parts', 'Split', 12, { attributes: { axis: 1 }, outputs: 2 }],
  ['Split in equal parts by opset 13', 'Split', 17, { attributes: { axis: 1 }, outputs: 4 }],
  ['Softmax over all axes from 1', 'Softmax', 12, {}],
  ['Softmax over all axes from 2', 'Softmax', 11, { attributes: { axis: 2 } }],
  ['Softmax over the last axis', 'Softmax', 12, { attributes: { axis: 3 } }],
  ['Softmax over the last axis, counted from the end', 'Softmax', 12, { attributes: { axis: -1 } }],
  ['LogSoftmax over all axes from 1', 'LogSoftmax', 12, { attributes: { axis: 1 } }],
  ['Softmax that already is of one axis', 'Softmax', 13, { attributes: { axis: 1 } }],
  ['Softmax of opset 13 over the last axis', 'Softmax', 17, {}],
];

/** The input with one more axis, as operator sets before 13 write it. */
function oneMoreAxis(b: GraphBuilder, axes: readonly number[]): Value {
  return b.op('Unsqueeze', [input], { attributes: { axes } });
}

describe('upgradeOpset', () => {
  it.each(CHANGES)('means the same: %s', async (_title, op, opset, call) => {
    const old = modelOf(op, opset, call);
    const upgraded = upgradeOpset(old);
    expect(upgraded.opset).toBe(18);
    expect(upgraded.irVersion).toBe(8);
    expectAlike(await run(upgraded), await run(old));
  });

  it('with dropIdentities takes a Dropout of any operator set away', async () => {
    for (const [opset, outputs] of [
      [11, 1],
      [11, 2],
      [17, 1],
    ] as const) {
      const b = new GraphBuilder();
      const attributes: OpOptions['attributes'] = opset < 12 ? { ratio: { float: 0.5 } } : {};
      const [kept] = b.multi('Dropout', [input], outputs, { attributes });
      const graph = b.build('g', [input], [b.op('Neg', [kept!], { name: 'y' })]);
      const model: Model = { irVersion: 6, opset, otherDomains: {}, producer: '', metadata: {}, graph };
      const upgraded = upgradeOpset(model);
      const dropped = { ...upgraded, graph: dropIdentities(upgraded.graph) };
      expect(dropped.graph.nodes.map((node) => node.opType)).toEqual(['Neg']);
      expectAlike(await run(dropped), await run(model));
    }
  });

  it('leaves a recent model as it is', () => {
    const model: Model = { ...modelOf('Softmax', 21, {}), irVersion: 10 };
    const upgraded = upgradeOpset(model);
    expect([upgraded.opset, upgraded.irVersion]).toEqual([21, 10]);
    expect(upgraded.graph.nodes).toEqual(model.graph.nodes);
  });

  it('keeps the weights', () => {
    const model = modelOf('ReduceMean', 13, {
      attributes: { axes: [1] },
      write: (b) => b.op('Mul', [input, 3]),
    });
    const { initializers } = upgradeOpset(model).graph;
    for (const [value, constant] of model.graph.initializers) expect(initializers.get(value)).toBe(constant);
    expect([...initializers.values()]).toContainEqual(int64Constant([1], [1]));
  });

  it('leaves ops of other domains alone', () => {
    const custom: Node = {
      opType: 'Softmax',
      domain: 'com.example',
      name: 's',
      inputs: [input],
      outputs: [{ name: 'y' }],
      attributes: { axes: { kind: 'ints', value: [1] } },
    };
    const graph: Graph = {
      name: 'g',
      inputs: [input],
      outputs: [custom.outputs[0]!],
      initializers: new Map(),
      nodes: [custom],
    };
    const model = { ...modelOf('Neg', 11, {}), otherDomains: { 'com.example': 1 }, graph };
    expect(upgradeOpset(model).graph.nodes).toEqual([custom]);
  });

  it('refuses what is too old', () => {
    expect(() => upgradeOpset(modelOf('Neg', 10, {}))).toThrow(
      new InputError(
        'The model uses opset 10; dent-serve reads opset 11 and later. Export it again with a later one.',
      ),
    );
  });

  it('refuses bodies in an old operator set', () => {
    const body: Attribute = { kind: 'graph', value: new GraphBuilder().build('body', [], []) };
    const model = modelOf('If', 13, { attributes: { then_branch: body, else_branch: body } });
    expect(() => upgradeOpset(model)).toThrow(
      new InputError('If "subject" holds a graph of its own (opset 13); export the model with opset 18.'),
    );
    expect(() => upgradeOpset({ ...model, opset: 18 })).not.toThrow();
  });
});
