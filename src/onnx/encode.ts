import { create, toBinary } from '@bufbuild/protobuf';
import { InputError } from '../errors.ts';
import { type Constant, int64 } from './constant.ts';
import type { Attribute, Graph, Model, Node, Value } from './graph.ts';
import { NameAuthority } from './name-authority.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './proto/onnx_pb.ts';

/** Protobuf messages end at 2 GiB, and so do ONNX files without external data. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** Serializes a model. Names are made unique; the graph's inputs and outputs keep theirs. */
export function encodeModel(model: Model): Uint8Array {
  const weights = weightBytes(model.graph);
  if (weights > MAX_MODEL_BYTES) {
    throw new InputError(
      `The graph holds ${(weights / 2 ** 30).toFixed(1)} GiB of weights; an ONNX file ends at 2 GiB. Give a smaller model, or a recipe of 0 steps, which needs fewer copies.`,
    );
  }
  const names = new NameAuthority();
  for (const value of [...model.graph.inputs, ...model.graph.outputs]) names.of(value);
  const domains = { '': model.opset, ...model.otherDomains };
  const proto = create(ModelProtoSchema, {
    irVersion: BigInt(model.irVersion),
    producerName: model.producer,
    opsetImport: Object.entries(domains).map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
    ),
    metadataProps: Object.entries(model.metadata).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    ),
    graph: encodeGraph(model.graph, names),
  });
  return toBinary(ModelProtoSchema, proto);
}

function weightBytes(graph: Graph): number {
  let total = 0;
  for (const constant of graph.initializers.values()) total += constant.bytes.byteLength;
  for (const node of graph.nodes) {
    for (const attribute of Object.values(node.attributes)) {
      if (attribute.kind === 'graph') total += weightBytes(attribute.value);
    }
  }
  return total;
}

function encodeGraph(graph: Graph, names: NameAuthority): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name || 'graph',
    initializer: [...graph.initializers].map(([value, constant]) => encodeTensor(constant, names.of(value))),
    input: graph.inputs.map((value) => encodeValueInfo(value, names)),
    output: graph.outputs.map((value) => encodeValueInfo(value, names)),
    node: graph.nodes.map((node) => encodeNode(node, names)),
  });
}

function encodeValueInfo(value: Value, names: NameAuthority): ValueInfoProto {
  const name = names.of(value);
  if (!value.type) return create(ValueInfoProtoSchema, { name });
  const tensor = create(TypeProto_TensorSchema, { elemType: value.type.dataType });
  if (value.type.shape) {
    const dim = value.type.shape.map((size) =>
      create(TensorShapeProto_DimensionSchema, {
        value:
          typeof size === 'number'
            ? { case: 'dimValue', value: BigInt(size) }
            : { case: 'dimParam', value: size },
      }),
    );
    tensor.shape = create(TensorShapeProtoSchema, { dim });
  }
  return create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { tensorType: tensor }) });
}

function encodeNode(node: Node, names: NameAuthority) {
  return create(NodeProtoSchema, {
    opType: node.opType,
    domain: node.domain,
    name: names.node(node),
    input: node.inputs.map((value) => (value ? names.of(value) : '')),
    output: node.outputs.map((value) => (value ? names.of(value) : '')),
    attribute: Object.entries(node.attributes).map(([name, attribute]) =>
      encodeAttribute(name, attribute, names),
    ),
  });
}

function encodeAttribute(name: string, attribute: Attribute, names: NameAuthority): AttributeProto {
  const text = new TextEncoder();
  switch (attribute.kind) {
    case 'float':
      return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: attribute.value });
    case 'int':
      return create(AttributeProtoSchema, { name, type: Kind.INT, i: int64(attribute.value) });
    case 'string':
      return create(AttributeProtoSchema, { name, type: Kind.STRING, s: text.encode(attribute.value) });
    case 'tensor':
      return create(AttributeProtoSchema, { name, type: Kind.TENSOR, t: encodeTensor(attribute.value, '') });
    case 'graph':
      return create(AttributeProtoSchema, { name, type: Kind.GRAPH, g: encodeGraph(attribute.value, names) });
    case 'floats':
      return create(AttributeProtoSchema, { name, type: Kind.FLOATS, floats: [...attribute.value] });
    case 'ints':
      return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: attribute.value.map(int64) });
    case 'strings':
      return create(AttributeProtoSchema, {
        name,
        type: Kind.STRINGS,
        strings: attribute.value.map((s) => text.encode(s)),
      });
  }
}

function encodeTensor(constant: Constant, name: string): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: constant.dims.map(BigInt),
    dataType: constant.dataType,
    ...(constant.strings ? { stringData: [...constant.strings] } : { rawData: constant.bytes }),
  });
}
