import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { InputError } from '../errors.ts';
import { float32 } from '../tensor.ts';
import { DATA_TYPE, decodeModel, encodeModel, type Node } from './index.ts';
import {
  type FunctionProto,
  type FunctionProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type NodeProto,
  type NodeProtoSchema,
} from './proto/onnx_pb.ts';

const engine = startEngine();

type FunctionInit = Exclude<MessageInitShape<typeof FunctionProtoSchema>, FunctionProto>;
type NodeInit = Exclude<MessageInitShape<typeof NodeProtoSchema>, NodeProto>;

const opsetImport = [{ domain: '', version: 18n }];
const info = (name: string) => ({
  name,
  type: { tensorType: { elemType: DATA_TYPE.float32, shape: { dim: [] } } },
});
const call = (opType: string, input: readonly string[], output: readonly string[], more: NodeInit = {}) => ({
  ...{ opType, domain: 'own', name: opType, input: [...input], output: [...output] },
  ...more,
});
const plain = (opType: string, input: readonly string[], output: readonly string[], more: NodeInit = {}) =>
  call(opType, input, output, { domain: '', name: 'inner', ...more });
const define = (name: string, input: readonly string[], output: readonly string[], more: FunctionInit) => ({
  ...{ domain: 'own', name, input: [...input], output: [...output], opsetImport },
  ...more,
});
const alpha = (f: number) => ({ name: 'alpha', type: Kind.FLOAT, f });
const passedOn = { name: 'alpha', type: Kind.FLOAT, refAttrName: 'alpha' };

/** A leaky ReLU whose slope is 0.5 unless a call says another. */
const leak = define('Leak', ['a'], ['b'], {
  node: [plain('LeakyRelu', ['a'], ['b'], { attribute: [passedOn] })],
  attributeProto: [alpha(0.5)],
});
/** Twice the first argument, leaked, plus the second where there is one, from inside a branch. */
const twice = define('Twice', ['a', 'more'], ['sum', 'a'], {
  node: [
    plain('Add', ['a', 'a'], ['twofold']),
    call('Leak', ['twofold'], ['leaked'], { attribute: [passedOn] }),
    plain('Constant', [], ['yes'], {
      attribute: [
        {
          name: 'value',
          type: Kind.TENSOR,
          t: { dataType: DATA_TYPE.bool, dims: [], rawData: Uint8Array.of(1) },
        },
      ],
    }),
    plain('If', ['yes'], ['sum'], {
      attribute: ['then_branch', 'else_branch'].map((name) => ({
        name,
        type: Kind.GRAPH,
        g: {
          name,
          node: [plain('Sum', ['leaked', 'more', 'one'], ['within'])],
          initializer: [{ name: 'one', dataType: DATA_TYPE.float32, dims: [], floatData: [1] }],
          output: [info('within')],
        },
      })),
    }),
  ],
});

const serialize = (node: NodeInit[], functions: FunctionInit[], outputs = ['y']): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      ...{ irVersion: 8n, opsetImport, functions },
      graph: { name: 'test', node, input: [info('x')], output: outputs.map(info) },
    }),
  );

async function results(bytes: Uint8Array, x: number): Promise<Record<string, number>> {
  const answers = await engine.evaluate(encodeModel(decodeModel(bytes)), { x: float32([], [x]) });
  return Object.fromEntries(Object.entries(answers).map(([name, { data }]) => [name, Number(data[0])]));
}

describe('functions of a model', () => {
  it('are put in the places of their calls, with their attributes or the defaults', async () => {
    const bytes = serialize(
      [call('Leak', ['x'], ['m']), call('Leak', ['m'], ['y'], { attribute: [alpha(0.25)] })],
      [leak],
    );
    expect(decodeModel(bytes).graph.nodes.map(({ opType, domain }: Node) => [opType, domain])).toEqual([
      ['LeakyRelu', ''],
      ['LeakyRelu', ''],
    ]);
    expect(await results(bytes, -8)).toEqual({ y: -1 });
    expect(await results(bytes, 8)).toEqual({ y: 8 });
  });

  it('may call each other, have bodies, give back an argument and be called with fewer of them', async () => {
    const nodes = [
      call('Twice', ['x', 'x'], ['y', 'copy'], { attribute: [alpha(0.25)] }),
      call('Twice', ['x', 'y'], ['z']),
    ];
    const bytes = serialize(nodes, [twice, leak], ['y', 'copy', 'z']);
    // -8 * 2 * 0.25 - 8 + 1, and -8 * 2 * 0.5 - 11 + 1
    expect(await results(bytes, -8)).toEqual({ y: -11, copy: -8, z: -18 });
  });

  it('are not looked at where nothing calls them', async () => {
    const other = { ...leak, opsetImport: [{ domain: '', version: 11n }] };
    expect(await results(serialize([plain('Relu', ['x'], ['y'])], [other]), 3)).toEqual({ y: 3 });
  });

  it.each<readonly [string, FunctionInit[], string]>([
    [
      'that calls itself',
      [define('Leak', ['a'], ['b'], { node: [call('Leak', ['a'], ['b'])] })],
      'The local function "Leak" calls itself, which ONNX forbids; export the model again.',
    ],
    [
      'of another operator set',
      [{ ...leak, opsetImport: [{ domain: '', version: 11n }] }],
      'The local function "Leak" is of opset 11, and the model of 18; export it with functions inlined, or in one opset.',
    ],
    [
      'that doubles again and again',
      Array.from({ length: 30 }, (_, i) =>
        define(i === 0 ? 'Leak' : `Leak${i}`, ['a'], ['c'], {
          node: [call(`Leak${i + 1}`, ['a'], ['b']), call(`Leak${i + 1}`, ['b'], ['c'])],
        }),
      ),
      'The local functions of the model call each other to more than 200000 nodes',
    ],
  ])('are refused: one %s', (_what, functions, sentence) => {
    const decode = () => decodeModel(serialize([call('Leak', ['x'], ['y'])], functions));
    expect(decode).toThrow(InputError);
    expect(decode).toThrow(sentence);
  });
});
