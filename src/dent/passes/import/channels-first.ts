import {
  type Graph,
  intsAttribute,
  type Model,
  type Node,
  type Value,
  withoutUnused,
} from '../../../onnx/index.ts';
import { mapGraph } from '../map-graph.ts';

/** How many channels an image may have: grey, colour, or colour with transparency. */
const CHANNELS: ReadonlySet<unknown> = new Set([1, 3, 4]);

/** Operators that always take their channels as the second axis. */
const CHANNELS_SECOND: ReadonlySet<string> = new Set([
  'AveragePool',
  'BatchNormalization',
  'Conv',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'InstanceNormalization',
  'MaxPool',
]);

/**
 * Whether the model takes images as TensorFlow lays them out, [N, H, W, C]. An image of two channels may be
 * three pixels wide, so what reads it has a say.
 */
export function isChannelsLast({ inputs: [image], nodes }: Graph): boolean {
  const shape = image?.type?.shape;
  if (shape?.length !== 4 || !CHANNELS.has(shape[3]) || CHANNELS.has(shape[1])) return false;
  const isRead = (node: Node) => node.inputs[0] === image && CHANNELS_SECOND.has(node.opType);
  return !nodes.some((node) => node.domain === '' && isRead(node));
}

/** The same model with images as [N, C, H, W], the layout of every part of the compiler and the service. */
export function channelsFirst(model: Model): Model {
  if (!isChannelsLast(model.graph)) return model;
  const [last, ...others] = model.graph.inputs as [Value, ...Value[]];
  const [n, h, w, c] = last.type!.shape!;
  const first: Value = { name: last.name, type: { ...last.type!, shape: [n!, c!, h!, w!] } };
  const transpose: Node = {
    opType: 'Transpose',
    domain: '',
    name: 'channels_last',
    inputs: [first],
    outputs: [last],
    attributes: { perm: { kind: 'ints', value: [0, 2, 3, 1] } },
  };
  const graph = { ...model.graph, inputs: [first, ...others], nodes: [transpose, ...model.graph.nodes] };
  // Converters from TensorFlow begin with the opposite Transpose, before the first convolution.
  const direct = mapGraph(graph, (node, replace) => {
    if (node.inputs[0] !== last || !isTransposeBack(node)) return [node];
    replace(node.outputs[0]!, first);
    return [];
  });
  return { ...model, graph: withoutUnused(direct) };
}

const isTransposeBack = (node: Node): boolean =>
  node.domain === '' && node.opType === 'Transpose' && `${intsAttribute(node, 'perm')}` === '0,3,1,2';
