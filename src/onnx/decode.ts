import { fromBinary } from '@bufbuild/protobuf';
import { InputError } from '../errors.ts';
import { elementCount } from '../tensor.ts';
import { type Constant, float32Constant, float64Constant } from './constant.ts';
import { DATA_TYPE, dataTypeName, elementBytes } from './data-type.ts';
import type { Attribute, Graph, Model, Node, Value, ValueType } from './graph.ts';
import { inlineFunctions } from './inline-functions.ts';
import {
  type AttributeProto,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from './proto/onnx_pb.ts';
import { sortNodes } from './sort-nodes.ts';

/**
 * Reads a serialized ONNX model. Throws `InputError` where the bytes are no ONNX model, or use a part of the
 * format that makes no sense in a classifier (external data, sparse initializers).
 */
export function decodeModel(bytes: Uint8Array): Model {
  const proto = parse(bytes);
  if (!proto.graph)
    throw new InputError(
      'This is not an ONNX model: it holds no graph. Give a file that an exporter has written (docs/exporting.md).',
    );
  inlineFunctions(proto);
  const domains = Object.fromEntries(proto.opsetImport.map((entry) => [entry.domain, Number(entry.version)]));
  const { '': plain, 'ai.onnx': named, ...otherDomains } = domains;
  const opset = plain ?? named;
  if (opset === undefined)
    throw new InputError(
      'The model imports no version of the ai.onnx operator set; export it again, or add one with onnx.helper.make_opsetid.',
    );
  return {
    irVersion: Number(proto.irVersion),
    opset,
    otherDomains,
    producer: [proto.producerName, proto.producerVersion].filter(Boolean).join(' '),
    metadata: Object.fromEntries(proto.metadataProps.map((entry) => [entry.key, entry.value])),
    graph: decodeGraph(proto.graph, new Scope()),
  };
}

function parse(bytes: Uint8Array) {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new InputError(
      'This is not an ONNX model: its bytes do not parse. Give a file that an exporter has written (docs/exporting.md), all of it.',
      { cause: error },
    );
  }
}

/** Names visible at a place: those of this graph, then those of the graphs around it. */
class Scope {
  readonly #values = new Map<string, Value>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  define(name: string): Value {
    const value = this.#values.get(name) ?? { name };
    this.#values.set(name, value);
    return value;
  }

  find(name: string): Value | undefined {
    return this.#values.get(name) ?? this.#outer?.find(name);
  }
}

function decodeGraph(proto: GraphProto, scope: Scope): Graph {
  if (proto.sparseInitializer.length > 0) {
    throw new InputError('The model holds sparse initializers; save it with dense ones.');
  }
  const initializers = new Map<Value, Constant>();
  for (const tensor of proto.initializer) initializers.set(scope.define(tensor.name), decodeTensor(tensor));
  // Models before IR 4 list their initializers among the inputs. Only the other inputs are fed.
  const inputs = proto.input
    .map((info) => typed(scope.define(info.name), info))
    .filter((v) => !initializers.has(v));
  const nodes = sortNodes(proto.node).map((node) => decodeNode(node, scope));
  const outputs = proto.output.map((info) => {
    const value = scope.find(info.name);
    if (!value)
      throw new InputError(
        `The graph's output "${info.name}" is not computed by any node; export the model again.`,
      );
    return typed(value, info);
  });
  return { name: proto.name, inputs, outputs, initializers, nodes };
}

function typed(value: Value, info: ValueInfoProto): Value {
  const tensor = info.type?.tensorType;
  if (!tensor) return value;
  const shape = tensor.shape?.dim.map((dim, axis) => {
    // Some writers put -1 where a size is open.
    if (dim.value.case === 'dimValue' && dim.value.value >= 0) return Number(dim.value.value);
    return (dim.value.case === 'dimParam' && dim.value.value) || `${info.name}_${axis}`;
  });
  const type: ValueType = shape ? { dataType: tensor.elemType, shape } : { dataType: tensor.elemType };
  value.type = type;
  return value;
}

function decodeNode(proto: NodeProto, scope: Scope): Node {
  const inputs = proto.input.map((name) => {
    if (name === '') return null;
    const value = scope.find(name);
    if (!value)
      throw new InputError(
        `${proto.opType} "${proto.name}" uses "${name}", which nothing computes; export the model again.`,
      );
    return value;
  });
  const attributes = Object.fromEntries(
    proto.attribute.map((attribute) => [attribute.name, decodeAttribute(attribute, proto, scope)]),
  );
  const outputs = proto.output.map((name) => (name === '' ? null : scope.define(name)));
  const domain = proto.domain === 'ai.onnx' ? '' : proto.domain;
  return { opType: proto.opType, domain, name: proto.name, inputs, outputs, attributes };
}

function decodeAttribute(proto: AttributeProto, node: NodeProto, scope: Scope): Attribute {
  const text = new TextDecoder();
  switch (proto.type) {
    case Kind.FLOAT:
      return { kind: 'float', value: proto.f };
    case Kind.INT:
      return { kind: 'int', value: Number(proto.i) };
    case Kind.STRING:
      return { kind: 'string', value: text.decode(proto.s) };
    case Kind.TENSOR:
      return { kind: 'tensor', value: decodeTensor(present(proto.t, proto, node)) };
    case Kind.GRAPH:
      return { kind: 'graph', value: decodeGraph(present(proto.g, proto, node), new Scope(scope)) };
    case Kind.FLOATS:
      return { kind: 'floats', value: proto.floats };
    case Kind.INTS:
      return { kind: 'ints', value: proto.ints.map(Number) };
    case Kind.STRINGS:
      return { kind: 'strings', value: proto.strings.map((s) => text.decode(s)) };
    default:
      throw new InputError(
        `${node.opType} "${node.name}" has the attribute "${proto.name}" of an unsupported type (${proto.type}); export the model with another opset.`,
      );
  }
}

function present<T>(value: T | undefined, attribute: AttributeProto, node: NodeProto): T {
  if (value === undefined) {
    throw new InputError(
      `${node.opType} "${node.name}" has the attribute "${attribute.name}" without a value; export the model again.`,
    );
  }
  return value;
}

/**
 * Weights come as raw bytes or in a repeated field that depends on the type. Here they all become raw bytes.
 */
function decodeTensor(proto: TensorProto): Constant {
  const dims = proto.dims.map(Number);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    throw new InputError(
      `The initializer "${proto.name}" is stored outside the model file; save the model as one file (torch.onnx.export takes external_data=False).`,
    );
  }
  if (dims.some((size) => size < 0)) {
    throw new InputError(
      `The initializer "${proto.name}" has a negative size in its shape [${dims.join(', ')}]; export the model again.`,
    );
  }
  if (proto.dataType === DATA_TYPE.string) return stringConstant(proto, dims);
  const perElement = elementBytes(proto.dataType);
  if (perElement === undefined) {
    throw new InputError(
      `The initializer "${proto.name}" is of type ${dataTypeName(proto.dataType)}, which is not supported; export the model with its weights in float32.`,
    );
  }
  const bytes = proto.rawData.length === 0 ? typedFieldBytes(proto) : proto.rawData;
  const needed = Math.ceil(elementCount(dims) * perElement);
  if (bytes.byteLength !== needed) {
    throw new InputError(
      `The initializer "${proto.name}" holds ${bytes.byteLength} bytes where its shape [${dims.join(', ')}] needs ${needed}; the file is damaged, so copy or export it again.`,
    );
  }
  return { dataType: proto.dataType, dims, bytes };
}

/** Some models give the names of classes beside their probabilities. */
function stringConstant({ name, stringData }: TensorProto, dims: readonly number[]): Constant {
  const needed = elementCount(dims);
  if (stringData.length !== needed) {
    throw new InputError(
      `The initializer "${name}" holds ${stringData.length} strings where its shape [${dims.join(', ')}] needs ${needed}; the file is damaged, so copy or export it again.`,
    );
  }
  return { dataType: DATA_TYPE.string, dims, bytes: new Uint8Array(0), strings: stringData };
}

function typedFieldBytes(proto: TensorProto): Uint8Array {
  const { dataType } = proto;
  if (dataType === DATA_TYPE.float32) return float32Constant([], proto.floatData).bytes;
  if (dataType === DATA_TYPE.float64) return float64Constant([], proto.doubleData).bytes;
  if (dataType === DATA_TYPE.int64) return asBytes(BigInt64Array.from(proto.int64Data));
  if (dataType === DATA_TYPE.uint64 || dataType === DATA_TYPE.uint32) {
    const wide = BigUint64Array.from(proto.uint64Data);
    return asBytes(dataType === DATA_TYPE.uint64 ? wide : Uint32Array.from(wide, Number));
  }
  const bytes = elementBytes(dataType);
  if (bytes === 1 || bytes === 0.5) return Uint8Array.from(proto.int32Data);
  if (bytes === 2) return asBytes(Uint16Array.from(proto.int32Data));
  return asBytes(Int32Array.from(proto.int32Data));
}

const asBytes = (data: ArrayBufferView): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
