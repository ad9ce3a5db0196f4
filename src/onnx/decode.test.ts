import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { type Constant, DATA_TYPE, decodeModel, encodeModel, toTensor } from './index.ts';
import {
  type GraphProto,
  AttributeProto_AttributeType as Kind,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  type TensorProtoSchema,
} from './proto/onnx_pb.ts';

type ModelInit = Exclude<MessageInitShape<typeof ModelProtoSchema>, ModelProto>;
type TensorInit = Exclude<MessageInitShape<typeof TensorProtoSchema>, TensorProto>;

const serialize = (init: ModelInit): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { opsetImport: [{ domain: '', version: 18n }], ...init }),
  );

function weight(tensor: TensorInit): Constant {
  const model = decodeModel(serialize({ graph: { initializer: [{ name: 'w', ...tensor }] } }));
  return [...model.graph.initializers.values()][0]!;
}

const pixels = (
  name: string,
  ...dim: { value: { case: 'dimValue'; value: bigint } | { case: 'dimParam'; value: string } }[]
) => ({
  name,
  type: { tensorType: { elemType: DATA_TYPE.float32, shape: { dim } } },
});

describe('weights', () => {
  const rows: readonly (readonly [string, TensorInit, readonly (number | bigint)[]])[] = [
    ['float32', { dataType: 1, dims: [2n], floatData: [1.5, -2] }, [1.5, -2]],
    ['float64', { dataType: 11, dims: [2n], doubleData: [0.1, 1e300] }, [0.1, 1e300]],
    ['int64', { dataType: 7, dims: [2n], int64Data: [-1n, 2n ** 62n] }, [-1n, 2n ** 62n]],
    ['int32', { dataType: 6, dims: [2n], int32Data: [-5, 70000] }, [-5, 70000]],
    ['int8', { dataType: 3, dims: [2n], int32Data: [-5, 7] }, [-5, 7]],
    ['uint8', { dataType: 2, dims: [2n], int32Data: [0, 255] }, [0, 255]],
    ['bool', { dataType: 9, dims: [3n], int32Data: [1, 0, 1] }, [1, 0, 1]],
  ];
  it.each(rows)('of type %s are read from their typed field', (type, tensor, values) => {
    const read = toTensor(weight(tensor));
    expect(read.type).toBe(type);
    expect(read.dims).toEqual(tensor.dims!.map(Number));
    expect([...read.data]).toEqual(values);
  });

  it.each<readonly [string, TensorInit, readonly number[]]>([
    ['uint16', { dataType: 4, dims: [2n], int32Data: [1, 65535] }, [1, 0, 255, 255]],
    ['int16', { dataType: 5, dims: [1n], int32Data: [-2] }, [254, 255]],
    ['float16', { dataType: 10, dims: [1n], int32Data: [0x3c00] }, [0, 0x3c]],
    ['bfloat16', { dataType: 16, dims: [1n], int32Data: [0x3f80] }, [0x80, 0x3f]],
    ['uint32', { dataType: 12, dims: [1n], uint64Data: [4_000_000_000n] }, [0, 40, 107, 238]],
    ['float8e5m2', { dataType: 19, dims: [2n], int32Data: [0x3c, 0xbc] }, [0x3c, 0xbc]],
    ['int4, two in a byte', { dataType: 22, dims: [3n], int32Data: [0x1f, 0x02] }, [0x1f, 0x02]],
    ['uint64', { dataType: 13, dims: [1n], uint64Data: [258n] }, [2, 1, 0, 0, 0, 0, 0, 0]],
  ])('of type %s become little-endian bytes', (_type, tensor, bytes) => {
    expect([...weight(tensor).bytes]).toEqual(bytes);
  });

  it('are read from raw bytes, aligned or not', () => {
    const rawData = new Uint8Array(Float32Array.of(3, 4).buffer);
    expect([...toTensor(weight({ dataType: 1, dims: [1n, 2n], rawData })).data]).toEqual([3, 4]);
  });

  it('may be a scalar, or hold nothing', () => {
    expect(toTensor(weight({ dataType: 1, floatData: [7] })).dims).toEqual([]);
    expect(toTensor(weight({ dataType: 7, dims: [0n] })).data).toHaveLength(0);
  });

  it.each<readonly [TensorInit, string]>([
    [
      { dataType: 1, dims: [3n], floatData: [1] },
      'The initializer "w" holds 4 bytes where its shape [3] needs 12; the file is damaged, so copy or export it again.',
    ],
    [
      { dataType: 1, dims: [2n], rawData: new Uint8Array(7) },
      'The initializer "w" holds 7 bytes where its shape [2] needs 8; the file is damaged, so copy or export it again.',
    ],
    [
      { dataType: 1, dims: [-2n], rawData: new Uint8Array(8) },
      'The initializer "w" has a negative size in its shape [-2]; export the model again.',
    ],
    [
      { dataType: 1, dims: [-2n, -1n], rawData: new Uint8Array(8) },
      'The initializer "w" has a negative size in its shape [-2, -1]; export the model again.',
    ],
    [
      { dataType: 8, dims: [1n] },
      'The initializer "w" holds 0 strings where its shape [1] needs 1; the file is damaged, so copy or export it again.',
    ],
    [
      { dataType: 23, dims: [1n] },
      'The initializer "w" is of type data type 23, which is not supported; export the model with its weights in float32.',
    ],
    [
      { dataType: 1, dims: [1n], dataLocation: TensorProto_DataLocation.EXTERNAL },
      'The initializer "w" is stored outside the model file; save the model as one file (torch.onnx.export takes external_data=False).',
    ],
  ])('%o are refused', (tensor, message) => {
    expect(() => weight(tensor)).toThrow(new InputError(message));
  });
});

type GraphInit = Exclude<NonNullable<ModelInit['graph']>, GraphProto>;

/** A graph whose branch holds a graph whose branch holds a graph. */
function nested(depth: number): GraphInit {
  let graph: GraphInit = {};
  for (let i = 0; i < depth; i++) {
    graph = { node: [{ opType: 'If', attribute: [{ name: 'then_branch', type: Kind.GRAPH, g: graph }] }] };
  }
  return graph;
}

describe('the graph', () => {
  it('is put in order where its nodes are not', () => {
    const body = { node: [{ opType: 'Neg', input: ['c'], output: ['n'] }], output: [pixels('n')] };
    const attribute = [{ name: 'then_branch', type: Kind.GRAPH, g: body }];
    const { graph } = decodeModel(
      serialize({
        graph: {
          input: [pixels('x')],
          node: [
            { opType: 'If', name: 'e', input: ['d'], output: ['y'], attribute },
            { opType: 'Relu', name: 'a', input: ['x'], output: ['a'] },
            { opType: 'Abs', name: 'd', input: ['c'], output: ['d'] },
            { opType: 'Exp', name: 'c', input: ['a'], output: ['c'] },
          ],
          output: [pixels('y')],
        },
      }),
    );
    expect(graph.nodes.map((node) => node.name)).toEqual(['a', 'c', 'd', 'e']);
  });

  it('keeps its strings', () => {
    const stringData = ['cat', 'dog'].map((word) => new TextEncoder().encode(word));
    const bytes = serialize({
      graph: { initializer: [{ name: 'labels', dataType: 8, dims: [2n], stringData }] },
    });
    const again = decodeModel(encodeModel(decodeModel(bytes)));
    expect([...again.graph.initializers.values()]).toEqual([
      { dataType: DATA_TYPE.string, dims: [2], bytes: new Uint8Array(0), strings: stringData },
    ]);
  });

  it('is fed what no initializer fills', () => {
    const { graph } = decodeModel(
      serialize({
        graph: {
          input: [pixels('image'), pixels('w')],
          initializer: [{ name: 'w', dataType: 1, floatData: [1] }],
        },
      }),
    );
    expect(graph.inputs.map((value) => value.name)).toEqual(['image']);
  });

  it('keeps open sizes apart where the model gives them no name', () => {
    const size = (value: bigint) => ({ value: { case: 'dimValue', value } }) as const;
    const symbol = (value: string) => ({ value: { case: 'dimParam', value } }) as const;
    const { graph } = decodeModel(
      serialize({ graph: { input: [pixels('x', symbol('batch'), size(3n), symbol(''), symbol(''))] } }),
    );
    expect(graph.inputs[0]!.type!.shape).toEqual(['batch', 3, 'x_2', 'x_3']);
  });

  it('takes a size of -1 for an open one, as some writers do', () => {
    const size = (value: bigint) => ({ value: { case: 'dimValue', value } }) as const;
    const { graph } = decodeModel(
      serialize({ graph: { input: [pixels('x', size(-1n), size(3n), size(-1n), size(0n))] } }),
    );
    expect(graph.inputs[0]!.type!.shape).toEqual(['x_0', 3, 'x_2', 0]);
  });

  it('takes the domain ai.onnx for the plain one', () => {
    const model = decodeModel(
      serialize({
        opsetImport: [{ domain: 'ai.onnx', version: 17n }],
        graph: { node: [{ opType: 'Range', domain: 'ai.onnx' }] },
      }),
    );
    expect(model.opset).toBe(17);
    expect(model.otherDomains).toEqual({});
    expect(model.graph.nodes[0]!.domain).toBe('');
  });

  it.each<readonly [string, ModelInit, string]>([
    [
      'no graph',
      {},
      'This is not an ONNX model: it holds no graph. Give a file that an exporter has written (docs/exporting.md).',
    ],
    [
      'no operator set',
      { graph: {}, opsetImport: [] },
      'The model imports no version of the ai.onnx operator set; export it again, or add one with onnx.helper.make_opsetid.',
    ],
    [
      'sparse weights',
      { graph: { sparseInitializer: [new Uint8Array(0)] } },
      'The model holds sparse initializers; save it with dense ones.',
    ],
    [
      'a value from nowhere',
      { graph: { node: [{ opType: 'Relu', name: 'r', input: ['ghost'], output: ['y'] }] } },
      'Relu "r" uses "ghost", which nothing computes; export the model again.',
    ],
    [
      'a cycle',
      {
        graph: {
          node: [
            { opType: 'Relu', name: 'r', input: ['y'], output: ['z'] },
            { opType: 'Relu', name: 's', input: ['z'], output: ['y'] },
          ],
        },
      },
      'Relu "r" depends on its own output; a graph without cycles is needed, so export the model again.',
    ],
    [
      'a node that reads itself',
      { graph: { node: [{ opType: 'Relu', input: ['y'], output: ['y'] }] } },
      'Relu "y" depends on its own output; a graph without cycles is needed, so export the model again.',
    ],
    [
      'a hundred graphs inside of each other',
      { graph: nested(100) },
      'This is not an ONNX model: its bytes do not parse. Give a file that an exporter has written (docs/exporting.md), all of it.',
    ],
    [
      'an output from nowhere',
      { graph: { output: [pixels('y')] } },
      'The graph\'s output "y" is not computed by any node; export the model again.',
    ],
    [
      'an attribute of a strange type',
      { graph: { node: [{ opType: 'If', name: 'i', attribute: [{ name: 't', type: Kind.TENSORS }] }] } },
      `If "i" has the attribute "t" of an unsupported type (${Kind.TENSORS}); export the model with another opset.`,
    ],
    [
      'a body that is not there',
      {
        graph: {
          node: [{ opType: 'If', name: 'i', attribute: [{ name: 'then_branch', type: Kind.GRAPH }] }],
        },
      },
      'If "i" has the attribute "then_branch" without a value; export the model again.',
    ],
    [
      'a tensor that is not there',
      {
        graph: {
          node: [{ opType: 'Constant', name: 'c', attribute: [{ name: 'value', type: Kind.TENSOR }] }],
        },
      },
      'Constant "c" has the attribute "value" without a value; export the model again.',
    ],
  ])('is refused with %s', (_what, init, message) => {
    expect(() => decodeModel(serialize(init))).toThrow(new InputError(message));
  });
});
