import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Attribute,
  DATA_TYPE,
  decodeModel,
  encodeModel,
  float32Constant,
  type Graph,
  GraphBuilder,
  int64Constant,
  type Model,
  type Value,
} from './index.ts';

/**
 * The model as data that can be compared: values by their names, weights by their bytes. Nodes need no name.
 */
function plain(model: Model): unknown {
  return { ...model, graph: plainGraph(model.graph) };
}

function plainGraph(graph: Graph): unknown {
  const name = (value: Value | null) => value?.name ?? null;
  const typed = (value: Value) => ({ name: value.name, type: value.type });
  return {
    name: graph.name,
    inputs: graph.inputs.map(typed),
    outputs: graph.outputs.map(typed),
    initializers: [...graph.initializers].map(([value, constant]) => [
      value.name,
      { ...constant, bytes: Buffer.from(constant.bytes).toString('base64') },
    ]),
    nodes: graph.nodes.map((node) => ({
      op: [node.domain, node.opType],
      inputs: node.inputs.map(name),
      outputs: node.outputs.map(name),
      attributes: Object.fromEntries(
        Object.entries(node.attributes).map(([key, attribute]) => [key, plainAttribute(attribute)]),
      ),
    })),
  };
}

function plainAttribute(attribute: Attribute): unknown {
  if (attribute.kind === 'graph') return { kind: 'graph', value: plainGraph(attribute.value) };
  if (attribute.kind === 'tensor') return { ...attribute.value, bytes: [...attribute.value.bytes] };
  return attribute;
}

const modelOf = (graph: Graph): Model => ({
  irVersion: 8,
  opset: 18,
  otherDomains: {},
  producer: 'tests',
  metadata: {},
  graph,
});

function expectSurvives(model: Model): Model {
  const again = decodeModel(encodeModel(model));
  expect(plain(again)).toEqual(plain(model));
  return again;
}

const image: Value = { name: 'image', type: { dataType: DATA_TYPE.float32, shape: ['N', 3, 'h', 8] } };

describe('decode, encode, decode', () => {
  it('changes nothing of the bundled model', () => {
    const bytes = readFileSync(new URL('../../models/cifar10-resnet14/1/model.onnx', import.meta.url));
    const first = decodeModel(bytes);
    const again = expectSurvives(first);
    expect(first.graph.nodes.length).toBeGreaterThan(50);
    expect(again.graph.nodes.map((node) => node.name)).toEqual(first.graph.nodes.map((node) => node.name));
  });

  it.each(['half', 'rows', 'rows-sigma', 'slow'])('changes nothing of %s.onnx', (file) => {
    expectSurvives(
      decodeModel(readFileSync(new URL(`../../test/fixtures/engine/${file}.onnx`, import.meta.url))),
    );
  });

  it('keeps what the model says of itself', () => {
    const b = new GraphBuilder();
    const model: Model = {
      ...modelOf(b.build('g', [image], [b.op('Relu', [image])])),
      irVersion: 10,
      opset: 21,
      otherDomains: { 'com.example': 3, 'ai.onnx.ml': 4 },
      metadata: { author: 'ä', empty: '' },
    };
    expectSurvives(model);
  });

  it('keeps attributes of every kind', () => {
    const b = new GraphBuilder();
    const y = b.op('Thing', [image], {
      attributes: {
        whole: -7,
        large: 2 ** 52,
        real: { float: 0.5 },
        text: 'nearest ñ',
        empty: '',
        list: [3, -1],
        none: [],
        reals: { kind: 'floats', value: [0.25, -2] },
        texts: { kind: 'strings', value: ['a', ''] },
        tensor: { kind: 'tensor', value: float32Constant([2, 1], [1.5, -0]) },
        nothing: { kind: 'tensor', value: int64Constant([0], []) },
      },
    });
    expectSurvives(modelOf(b.build('g', [image], [y])));
  });

  it('keeps bodies, and what they take from the graphs around them, one and the same value', () => {
    const inner = new GraphBuilder();
    const outer = new GraphBuilder();
    const scale = outer.op('Exp', [image], { name: 'scale' });
    const trip: Value = { name: 'trip', type: { dataType: DATA_TYPE.int64, shape: [] } };
    const go: Value = { name: 'go', type: { dataType: DATA_TYPE.bool, shape: [] } };
    const carried: Value = { name: 'carried', type: { dataType: DATA_TYPE.float32 } };
    const product = (name: string): Graph => {
      const b = new GraphBuilder();
      return b.build(name, [], [b.op('Mul', [scale, carried], { name })]);
    };
    const branch = inner.op('If', [go], {
      name: 'choice',
      attributes: { then_branch: { graph: product('then') }, else_branch: { graph: product('else') } },
    });
    const body = inner.build(
      'body',
      [trip, go, carried],
      [inner.op('Identity', [go], { name: 'go_on' }), branch],
    );
    const [y] = outer.multi('Loop', [outer.int(3), null, image], 1, {
      name: 'loop',
      attributes: { body: { graph: body } },
    });
    const model = decodeModel(encodeModel(modelOf(outer.build('g', [image], [y!]))));
    expectSurvives(model);
    const loop = model.graph.nodes[1]!;
    const bodyAgain = (loop.attributes.body as { value: Graph }).value;
    const then = (bodyAgain.nodes[0]!.attributes.then_branch as { value: Graph }).value;
    expect(then.nodes[0]!.inputs[0]).toBe(model.graph.nodes[0]!.outputs[0]);
    expect(then.nodes[0]!.inputs[1]).toBe(bodyAgain.inputs[2]);
  });

  it('keeps inputs and outputs that are left out', () => {
    const b = new GraphBuilder();
    const low = b.op('Clip', [image, null, b.float(6)], { name: 'clipped' });
    const node = {
      opType: 'Dropout',
      domain: '',
      name: 'd',
      inputs: [low],
      outputs: [null, { name: 'mask' }],
      attributes: {},
    };
    b.append(node);
    const model = expectSurvives(modelOf(b.build('g', [image], [node.outputs[1]!])));
    expect(model.graph.nodes[0]!.inputs[1]).toBeNull();
    expect(model.graph.nodes[1]!.outputs[0]).toBeNull();
  });

  it('keeps types without a shape, open sizes and scalars apart', () => {
    const b = new GraphBuilder();
    const inputs: Value[] = [
      { name: 'any', type: { dataType: DATA_TYPE.float32 } },
      { name: 'scalar', type: { dataType: DATA_TYPE.int64, shape: [] } },
      { name: 'empty', type: { dataType: DATA_TYPE.uint8, shape: [0, 'N'] } },
      { name: 'untyped' },
    ];
    expectSurvives(modelOf(b.build('g', inputs, inputs)));
  });
});
