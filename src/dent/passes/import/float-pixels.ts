import {
  DATA_TYPE,
  type Graph,
  GraphBuilder,
  intAttribute,
  type Model,
  type Node,
  type Value,
  valuesRead,
} from '../../../onnx/index.ts';

/** Whether the model takes pixels as bytes; exports that normalise inside do so. */
export const takesPixels = ({ inputs }: Graph): boolean => inputs[0]?.type?.dataType === DATA_TYPE.uint8;

/** Operators that move numbers without changing them. They work the same on floats. */
const MOVING: ReadonlySet<string> = new Set([
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);

/**
 * The same model with images as float32 numbers, the form in which the compiler and the service feed them:
 * pixels from 0 to 255 in place of bytes, and float32 in place of float64. Where the model converts its
 * images to float32 before it computes, it uses the numbers themselves. Otherwise they are converted first.
 */
export function floatPixels(model: Model): Model {
  const { graph } = model;
  const [given, ...others] = graph.inputs as [Value, ...Value[]];
  if (!takesPixels(graph) && given?.type?.dataType !== DATA_TYPE.float64) return model;
  const pixels: Value = { name: given.name, type: { ...given.type!, dataType: DATA_TYPE.float32 } };
  const inputs = [pixels, ...others];
  const moved = movedToCasts(graph, given);
  return {
    ...model,
    graph: moved
      ? { ...withFloats(graph, given, pixels, moved), inputs }
      : converted(graph, given, pixels, inputs),
  };
}

/**
 * The values that hold the given image, up to the Casts to float32. Undefined where something computes with
 * it.
 */
function movedToCasts({ nodes, outputs }: Graph, given: Value): ReadonlySet<Value> | undefined {
  const moved = new Set([given]);
  for (const node of nodes) {
    if (!valuesRead(node).some((value) => moved.has(value)) || isCastToFloat(node)) continue;
    const onlyMoves = node.domain === '' && MOVING.has(node.opType) && moved.has(node.inputs[0]!);
    if (!onlyMoves || node.inputs.slice(1).some((value) => value && moved.has(value))) return undefined;
    for (const value of node.outputs) if (value) moved.add(value);
  }
  return outputs.some((value) => moved.has(value)) ? undefined : moved;
}

const isCastToFloat = (node: Node): boolean =>
  node.domain === '' && node.opType === 'Cast' && intAttribute(node, 'to', 0) === DATA_TYPE.float32;

function withFloats(graph: Graph, given: Value, pixels: Value, moved: ReadonlySet<Value>): Graph {
  const nodes = graph.nodes.map((node): Node => {
    const isCast = isCastToFloat(node) && moved.has(node.inputs[0]!);
    const inputs = node.inputs.map((value) => (value === given ? pixels : value));
    return isCast ? { ...node, opType: 'Identity', inputs, attributes: {} } : { ...node, inputs };
  });
  // The types that the file declares for these values are no longer true.
  for (const value of moved) if (value !== given) delete value.type;
  return { ...graph, nodes };
}

function converted(graph: Graph, given: Value, pixels: Value, inputs: readonly Value[]): Graph {
  const builder = new GraphBuilder('pixels/');
  const { dataType } = given.type!;
  const whole = () =>
    builder.op('Clip', [builder.op('Round', [pixels]), builder.float(0), builder.float(255)]);
  const cast: Node = {
    opType: 'Cast',
    domain: '',
    name: 'pixels/given',
    inputs: [dataType === DATA_TYPE.uint8 ? whole() : pixels],
    outputs: [given],
    attributes: { to: { kind: 'int', value: dataType } },
  };
  const initializers = new Map([...graph.initializers, ...builder.initializers]);
  return { ...graph, inputs, initializers, nodes: [...builder.nodes, cast, ...graph.nodes] };
}
