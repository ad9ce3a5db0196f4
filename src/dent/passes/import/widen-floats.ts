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
  type Value,
} from '../../../onnx/index.ts';

/** The narrow types that weights are kept in, and how to read a number of each. */
const NARROW: Readonly<Record<DataType, (bits: number) => number>> = {
  [DATA_TYPE.float16]: fromFloat16,
  [DATA_TYPE.bfloat16]: fromBfloat16,
};

/**
 * The same model in float32 wherever it computes in float16 or bfloat16: weights, the types that nodes
 * convert to, and the declared types of inputs and outputs. Adaptation needs the digits, and a CPU computes
 * in float32 anyway.
 */
export function widenFloats(model: Model): Model {
  return { ...model, graph: widenGraph(model.graph) };
}

function widenGraph(graph: Graph): Graph {
  // Values are known by identity, so their types change in place.
  for (const value of [...graph.inputs, ...graph.outputs]) widenType(value);
  return {
    ...graph,
    initializers: new Map(
      [...graph.initializers].map(([value, constant]) => [value, widenConstant(constant)]),
    ),
    nodes: graph.nodes.map(widenNode),
  };
}

function widenType(value: Value): void {
  if (value.type && value.type.dataType in NARROW)
    value.type = { ...value.type, dataType: DATA_TYPE.float32 };
}

function widenNode(node: Node): Node {
  const attributes = Object.entries(node.attributes).map(([name, attribute]) => [
    name,
    widenAttribute(name, attribute),
  ]);
  return { ...node, attributes: Object.fromEntries(attributes) };
}

/** Attributes that name an element type: Cast has `to`, makers of tensors have `dtype`. */
const TYPE_ATTRIBUTES: ReadonlySet<string> = new Set(['to', 'dtype']);

function widenAttribute(name: string, attribute: Attribute): Attribute {
  if (attribute.kind === 'tensor') return { kind: 'tensor', value: widenConstant(attribute.value) };
  if (attribute.kind === 'graph') return { kind: 'graph', value: widenGraph(attribute.value) };
  const namesNarrow = attribute.kind === 'int' && TYPE_ATTRIBUTES.has(name) && attribute.value in NARROW;
  return namesNarrow ? { kind: 'int', value: DATA_TYPE.float32 } : attribute;
}

function widenConstant(constant: Constant): Constant {
  const read = NARROW[constant.dataType];
  if (!read) return constant;
  const { bytes, dims } = constant;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new Float32Array(bytes.byteLength / 2);
  for (let i = 0; i < numbers.length; i++) numbers[i] = read(view.getUint16(2 * i, true));
  return float32Constant(dims, numbers);
}

/** One sign bit, five of the exponent, ten of the fraction (IEEE 754 binary16). */
const bits32 = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function fromBfloat16(bits: number): number {
  bits32.setUint32(0, bits << 16);
  return bits32.getFloat32(0);
}
