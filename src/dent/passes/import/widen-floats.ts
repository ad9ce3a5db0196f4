import {
  type Attribute,
  type Constant,
  DATA_TYPE,
  type DataType,
  float32Constant,
  fromFloat16,
  type Graph,
  type Model,
  type Node,
} from '../../../onnx/index.ts';

type ReadFloat = (view: DataView, offset: number) => number;
type Types = Readonly<Record<DataType, { readonly bytes: number; readonly read: ReadFloat }>>;

/** The narrow types that weights are kept in. */
const NARROW: Types = {
  [DATA_TYPE.float16]: { bytes: 2, read: (view, at) => fromFloat16(view.getUint16(at, true)) },
  [DATA_TYPE.bfloat16]: { bytes: 2, read: (view, at) => fromBfloat16(view.getUint16(at, true)) },
};

const DOUBLE: Types = { [DATA_TYPE.float64]: { bytes: 8, read: (view, at) => view.getFloat64(at, true) } };

/**
 * The same model in float32 wherever it computes in float16 or bfloat16: weights, the types that nodes
 * convert to, and the declared types of inputs and outputs. Adaptation needs the digits, and a CPU computes
 * in float32 anyway.
 */
export function widenFloats(model: Model): Model {
  return { ...model, graph: inFloat32(model.graph, NARROW) };
}

/**
 * The same graph in float32 wherever it computes in float64, where adapted layers and gradients are float32.
 * Constants must be folded: what the model computes of them alone, such as positions, keeps its digits.
 */
export const narrowDoubles = (graph: Graph): Graph => inFloat32(graph, DOUBLE);

function inFloat32(graph: Graph, from: Types): Graph {
  // Values are known by identity, so their types change in place.
  const computed = graph.nodes.flatMap((node) => node.outputs);
  for (const value of [...graph.inputs, ...graph.outputs, ...computed]) {
    if (value?.type && value.type.dataType in from)
      value.type = { ...value.type, dataType: DATA_TYPE.float32 };
  }
  return {
    ...graph,
    initializers: new Map(
      [...graph.initializers].map(([value, constant]) => [value, convertConstant(constant, from)]),
    ),
    nodes: graph.nodes.map((node) => convertNode(node, from)),
  };
}

function convertNode(node: Node, from: Types): Node {
  const attributes = Object.entries(node.attributes).map(([name, attribute]) => [
    name,
    convertAttribute(name, attribute, from),
  ]);
  return { ...node, attributes: Object.fromEntries(attributes) };
}

/** Attributes that name an element type: Cast has `to`, makers of tensors have `dtype`. */
const TYPE_ATTRIBUTES: ReadonlySet<string> = new Set(['to', 'dtype']);

function convertAttribute(name: string, attribute: Attribute, from: Types): Attribute {
  if (attribute.kind === 'tensor') return { kind: 'tensor', value: convertConstant(attribute.value, from) };
  if (attribute.kind === 'graph') return { kind: 'graph', value: inFloat32(attribute.value, from) };
  const namesType = attribute.kind === 'int' && TYPE_ATTRIBUTES.has(name) && attribute.value in from;
  return namesType ? { kind: 'int', value: DATA_TYPE.float32 } : attribute;
}

function convertConstant(constant: Constant, from: Types): Constant {
  const type = from[constant.dataType];
  if (!type) return constant;
  const { bytes, dims } = constant;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new Float32Array(bytes.byteLength / type.bytes);
  for (let i = 0; i < numbers.length; i++) numbers[i] = type.read(view, i * type.bytes);
  return float32Constant(dims, numbers);
}

const bits32 = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function fromBfloat16(bits: number): number {
  bits32.setUint32(0, bits << 16);
  return bits32.getFloat32(0);
}
