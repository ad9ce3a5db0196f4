import { InputError } from '../../../errors.ts';
import {
  type Attribute,
  type Constant,
  describeNode,
  float32Constant,
  type Graph,
  type GraphBuilder,
  intAttribute,
  intsAttribute,
  type Node,
  stringAttribute,
  toFloat32,
  type Value,
} from '../../../onnx/index.ts';
import { shapeArithmetic } from '../measure/measure-shapes.ts';

interface Surroundings {
  readonly opset: number;
  readonly graph: Graph;
  /** Takes the nodes and constants that stand before the rewritten node. */
  readonly builder: GraphBuilder;
}

/** How a node of `op` from before operator set `since` is written since then. */
interface Change {
  readonly op: string;
  readonly since: number;
  readonly rewrite: (node: Node, surroundings: Surroundings) => Node;
}

const change = (since: number, op: string, rewrite: Change['rewrite']): Change => ({ op, since, rewrite });

/** Operators whose axes moved from an attribute to an input. */
const AXES_TO_INPUT = [
  ...['Squeeze', 'Unsqueeze', 'ReduceSum'].map((op) => [13, op] as const),
  ...['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map(
    (kind) => [18, `Reduce${kind}`] as const,
  ),
];

/** Changes to the operators of classifiers between operator sets 7 and 18, in the order of the sets. */
export const CHANGES: readonly Change[] = [
  change(9, 'BatchNormalization', withoutSpatial),
  change(9, 'Upsample', (node, { builder }) => ({
    ...withoutAttributes(node, 'scales'),
    inputs: [node.inputs[0]!, builder.constant(scalesAttribute(node), 'scales')],
  })),
  change(10, 'ImageScaler', imageScaler),
  change(10, 'Slice', sliceWithInputs),
  change(10, 'TopK', (node, { builder }) => ({
    ...withoutAttributes(node, 'k'),
    inputs: [node.inputs[0]!, builder.ints([intAttribute(node, 'k', 1)])],
  })),
  // It only ever grows an axis.
  change(10, 'Upsample', (node) =>
    withAttribute({ ...node, opType: 'Resize' }, 'nearest_mode', { kind: 'string', value: 'floor' }),
  ),
  change(11, 'Clip', clipWithInputs),
  change(11, 'Pad', padWithInputs),
  change(11, 'Resize', resizeWithRegion),
  change(11, 'Scatter', (node) => ({ ...node, opType: 'ScatterElements' })),
  // In inference a Dropout passes its input on, whatever its ratio. The ratio has become an input.
  change(12, 'Dropout', (node) => withoutAttributes(node, 'ratio')),
  change(13, 'Split', (node, { builder }) => attributeToInput(node, 'split', builder)),
  ...['Softmax', 'LogSoftmax', 'Hardmax'].map((op) => change(13, op, flattened)),
  change(14, 'BatchNormalization', inTraining),
  change(16, 'RoiAlign', (node) => ({
    ...node,
    attributes: {
      ...node.attributes,
      coordinate_transformation_mode: { kind: 'string', value: 'output_half_pixel' },
    },
  })),
  change(18, 'Split', (node) => {
    if (node.inputs[1]) return node;
    return withAttribute(node, 'num_outputs', { kind: 'int', value: node.outputs.length });
  }),
  ...AXES_TO_INPUT.map(([since, op]) =>
    change(since, op, (node, { builder }) => attributeToInput(node, 'axes', builder)),
  ),
];

const withAttribute = (node: Node, name: string, attribute: Attribute): Node => ({
  ...node,
  attributes: { ...node.attributes, [name]: attribute },
});

function withoutAttributes(node: Node, ...names: readonly string[]): Node {
  const attributes = Object.entries(node.attributes).filter(([name]) => !names.includes(name));
  return { ...node, attributes: Object.fromEntries(attributes) };
}

/** The node alone does not tell what an operator of this kind has become. */
const unreadable = (node: Node, { opset }: Surroundings, what: string): InputError =>
  new InputError(
    `${describeNode(node)} ${what} (opset ${opset}), which is not read; convert the model with onnx.version_converter, or export it with opset 18.`,
  );

function attributeToInput(node: Node, name: string, builder: GraphBuilder): Node {
  const values = intsAttribute(node, name);
  if (!values) return node;
  return { ...withoutAttributes(node, name), inputs: [node.inputs[0]!, builder.ints(values)] };
}

const floatsOf = (node: Node, name: string): readonly number[] => {
  const attribute = node.attributes[name];
  return attribute?.kind === 'floats' ? attribute.value : [];
};

function scalesAttribute(node: Node): Constant {
  const scales = floatsOf(node, 'scales');
  return float32Constant([scales.length], scales);
}

/**
 * Statistics of each pixel for itself (`spatial` 0) are no longer possible: such a layer has no channels.
 * MXNet's exporter wrote 0 where it meant 1; statistics by channel show that.
 */
function withoutSpatial(node: Node, surroundings: Surroundings): Node {
  const scale = node.inputs[1] && literal(node.inputs[1], surroundings);
  if (intAttribute(node, 'spatial', 1) === 0 && scale?.dims.length !== 1) {
    throw unreadable(node, surroundings, 'normalises each pixel by statistics of its own');
  }
  return withoutAttributes(node, 'spatial');
}

/**
 * Before operator set 14 the outputs tell training mode. Of weights alone it is how torch writes their
 * standardisation, which is computed once.
 */
function inTraining(node: Node, { opset, graph }: Surroundings): Node {
  if (node.outputs.length === 1) return node;
  if (shapeArithmetic(graph).has(node.outputs[0]!)) {
    const outputs = node.outputs.slice(0, 3);
    return withAttribute({ ...node, outputs }, 'training_mode', { kind: 'int', value: 1 });
  }
  throw new InputError(
    `${describeNode(node)} is in training mode (opset ${opset}); export the model in evaluation mode.`,
  );
}

/**
 * An operator of converters from Core ML, which ONNX Runtime knows up to operator set 9: x * scale + bias by
 * channel.
 */
function imageScaler(node: Node, { builder }: Surroundings): Node {
  const scale = node.attributes.scale;
  const bias = floatsOf(node, 'bias');
  const factor = builder.float(scale?.kind === 'float' ? scale.value : 1);
  const scaled = builder.op('Mul', [node.inputs[0]!, factor], { name: `${node.name}_scaled` });
  const shift = builder.constant(float32Constant([bias.length, 1, 1], bias), 'bias');
  return { ...node, opType: 'Add', inputs: [scaled, shift], attributes: {} };
}

function sliceWithInputs(node: Node, { builder }: Surroundings): Node {
  const [starts, ends, axes] = ['starts', 'ends', 'axes'].map((name) => intsAttribute(node, name));
  const given = [starts ?? [], ends ?? [], ...(axes ? [axes] : [])];
  return {
    ...withoutAttributes(node, 'starts', 'ends', 'axes'),
    inputs: [node.inputs[0]!, ...given.map((values) => builder.ints(values))],
  };
}

function clipWithInputs(node: Node, { builder }: Surroundings): Node {
  const [min, max] = ['min', 'max'].map((name) => {
    const bound = node.attributes[name];
    return bound?.kind === 'float' ? builder.float(bound.value) : null;
  });
  return { ...withoutAttributes(node, 'min', 'max'), inputs: [node.inputs[0]!, min!, max!] };
}

function padWithInputs(node: Node, { builder }: Surroundings): Node {
  const value = node.attributes.value;
  const pads = builder.ints(intsAttribute(node, 'pads') ?? []);
  const filling = value?.kind === 'float' ? [builder.float(value.value)] : [];
  return { ...withoutAttributes(node, 'pads', 'value'), inputs: [node.inputs[0]!, pads, ...filling] };
}

/**
 * Up to operator set 10 a resized pixel comes from its place divided by the scale. Between two pixels, ONNX
 * Runtime takes the one before where the axis grows and the one behind where it shrinks.
 */
function resizeWithRegion(node: Node, surroundings: Surroundings): Node {
  const [x, scales] = node.inputs as [Value, Value];
  const asymmetric: Attribute = { kind: 'string', value: 'asymmetric' };
  const placed = withAttribute(node, 'coordinate_transformation_mode', asymmetric);
  const resized = { ...placed, inputs: [x, null, scales] };
  if (stringAttribute(node, 'mode', 'nearest') !== 'nearest' || node.attributes.nearest_mode) return resized;
  const nearest = nearestMode(node, scales, surroundings);
  return withAttribute(resized, 'nearest_mode', { kind: 'string', value: nearest });
}

function nearestMode(node: Node, scales: Value, surroundings: Surroundings): string {
  const constant = literal(scales, surroundings);
  const factors = constant ? toFloat32(constant) : undefined;
  const shrinks = factors?.some((factor) => factor < 1);
  const grows = factors?.some((factor) => factor > 1);
  if (shrinks === undefined) throw unreadable(node, surroundings, 'has a computed scale');
  if (shrinks && grows) throw unreadable(node, surroundings, 'makes one axis longer and another shorter');
  return shrinks ? 'ceil' : 'floor';
}

/** The constant behind a value: an initializer or a Constant node. */
function literal(value: Value, { graph, builder }: Surroundings): Constant | undefined {
  const known = graph.initializers.get(value) ?? builder.initializers.get(value);
  if (known) return known;
  const tensor = graph.nodes.find((node) => node.outputs[0] === value)?.attributes.value;
  return tensor?.kind === 'tensor' ? tensor.value : undefined;
}

/**
 * Before operator set 13 Softmax and its relatives flattened all axes from `axis` on (1 by default) into one.
 */
function flattened(node: Node, { builder }: Surroundings): Node {
  const axis = intAttribute(node, 'axis', 1);
  const rank = node.outputs[0]?.type?.shape?.length;
  const last: Attribute = { kind: 'int', value: -1 };
  if (axis === -1 || rank === axis + 1) return { ...node, attributes: { axis: last } };
  const input = node.inputs[0] as Value;
  const flat = builder.op('Flatten', [input], { name: `${node.name}_flat`, attributes: { axis } });
  const soft = builder.op(node.opType, [flat], { name: node.name, attributes: { axis: -1 } });
  const shape = builder.op('Shape', [input], { name: `${node.name}_shape` });
  return {
    opType: 'Reshape',
    domain: '',
    name: `${node.name}_unflat`,
    inputs: [soft, shape],
    outputs: node.outputs,
    attributes: {},
  };
}
