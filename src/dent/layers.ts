import { type Graph, intAttribute, type Node, toFloat32, type Value } from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';
import { matchRms } from './rms-in-parts.ts';
import { createSearch, type Search } from './search.ts';

/**
 * The kind of a layer besides its scale and shift: a normalisation by fixed statistics (batch) or by those of
 * each row (layer, rms, group, instance), or a convolution, which replaces them where a model has no
 * normalisation left.
 */
export type LayerKind = 'batch' | 'layer' | 'rms' | 'group' | 'instance' | 'convolution';

/** One layer whose scale and shift dent adapts. Vectors are indexed by channel. */
export interface AdaptableLayer {
  /** The node whose output is the layer's. */
  readonly node: Node;
  readonly kind: LayerKind;
  readonly channels: number;
  /** The axis of the channels, counted from the front. */
  readonly channelAxis: number;
  /** The trained affine parameters, where adaptation starts. */
  readonly scale: Float32Array;
  readonly shift: Float32Array;
  /** The training run's statistics. Absent where the layer does not normalise by fixed statistics. */
  readonly source?: {
    readonly mean: Float32Array;
    readonly variance: Float32Array;
    readonly epsilon: number;
  };
  /**
   * The value that scale and shift are applied to, where a Mul and an Add behind the normalisation apply
   * them.
   */
  readonly normalised?: Value;
  /** The first use of the layer, where it is used several times and this is a later one. */
  readonly first?: AdaptableLayer;
}

/** A layer that cannot be adapted, and why. */
export interface UnadaptableLayer {
  readonly node: Node;
  readonly reason: string;
}

export interface LayerReport {
  readonly layers: readonly AdaptableLayer[];
  readonly refused: readonly UnadaptableLayer[];
}

/**
 * Finds the layers whose scale and shift can be adapted, in the order of the graph: all normalisation layers,
 * or, in a model without any that can be adapted, all convolutions, whose outputs get scale 1 and shift 0.
 * Shapes must be measured.
 */
export function findLayers(graph: Graph): LayerReport {
  const layers: AdaptableLayer[] = [];
  const refused: UnadaptableLayer[] = [];
  const find = (read: Reader): void => {
    const search = createSearch(graph);
    for (const node of graph.nodes) {
      const found = node.domain === '' ? read(search, node) : undefined;
      if (!found) continue;
      if ('reason' in found) refused.push(found);
      else if (found.node.outputs[0]!.type?.shape?.[0] !== BATCH)
        refused.push({ node, reason: 'its first axis is not the batch' });
      else layers.push(found);
    }
  };
  find((search, node) => NORMALISATIONS.get(node.opType)?.(search, node));
  // A model in training mode was exported by mistake.
  if (layers.length === 0 && !refused.some(isInTraining)) find(convolution);
  return { layers, refused };
}

export const isInTraining = ({ node }: UnadaptableLayer): boolean =>
  intAttribute(node, 'training_mode', 0) === 1;

type Reader = (search: Search, node: Node) => AdaptableLayer | UnadaptableLayer | undefined;

const NORMALISATIONS: ReadonlyMap<string, Reader> = new Map<string, Reader>(
  Object.entries({
    BatchNormalization: batchNormalization,
    LayerNormalization: (search, node) => lastAxisNormalization(search, node, 'layer'),
    RMSNormalization: (search, node) => lastAxisNormalization(search, node, 'rms'),
    Mul: rmsInParts,
    GroupNormalization: (search, node) => ownAffine(search, node, 'group', 1),
    InstanceNormalization: instanceNormalization,
  }),
);

const NOT_CONSTANT = 'its parameters are not constants';

function batchNormalization(search: Search, node: Node): AdaptableLayer | UnadaptableLayer {
  if (intAttribute(node, 'training_mode', 0)) return { node, reason: 'it is in training mode' };
  const [mean, variance] = [3, 4].map((i) => constantVector(search, node.inputs[i]));
  if (!mean || !variance) return { node, reason: NOT_CONSTANT };
  const layer = ownAffine(search, node, 'batch', 1);
  if ('reason' in layer) return layer;
  const epsilon = node.attributes.epsilon;
  return { ...layer, source: { mean, variance, epsilon: epsilon?.kind === 'float' ? epsilon.value : 1e-5 } };
}

function lastAxisNormalization(
  search: Search,
  node: Node,
  kind: 'layer' | 'rms',
): AdaptableLayer | UnadaptableLayer {
  const rank = node.outputs[0]!.type?.shape?.length ?? 0;
  const axis = intAttribute(node, 'axis', -1);
  if (axis !== -1 && axis !== rank - 1) return { node, reason: 'it normalises over several axes' };
  return ownAffine(search, node, kind, rank - 1);
}

/**
 * A product that ends a root mean square normalisation. It gets a shift that starts at zero, like a layer
 * normalisation without one.
 */
function rmsInParts(search: Search, node: Node): AdaptableLayer | undefined {
  const found = matchRms(search, node);
  if (!found) return undefined;
  const { axis, scale, normalised } = found;
  const shift = new Float32Array(scale.length);
  return { node, kind: 'rms', channels: scale.length, channelAxis: axis, scale, shift, normalised };
}

/**
 * Exporters write GroupNorm as an InstanceNormalization of the channels in groups, with neutral parameters,
 * then put the channels back (Reshape), and then apply scale and shift by channel (Mul, Add).
 */
function instanceNormalization(search: Search, node: Node): AdaptableLayer | UnadaptableLayer {
  const [back, ...others] = search.consumers.get(node.outputs[0]!) ?? [];
  if (back?.opType !== 'Reshape' || others.length > 0) return ownAffine(search, node, 'instance', 1);
  const product = onlyReader(search, back, 'Mul');
  const sum = product && onlyReader(search, product, 'Add');
  const scale = product && channelConstant(search, product);
  const shift = sum && channelConstant(search, sum);
  if (!scale || !shift || scale.length !== shift.length) {
    return { node, reason: 'its scale and shift by channel were not found behind it' };
  }
  return {
    node: sum,
    kind: 'group',
    channels: scale.length,
    channelAxis: 1,
    scale,
    shift,
    normalised: back.outputs[0]!,
  };
}

/** The node that reads the output of `node`, where it is the only reader and of this op. */
function onlyReader({ consumers }: Search, node: Node, opType: string): Node | undefined {
  const [reader, ...others] = consumers.get(node.outputs[0]!) ?? [];
  return reader?.opType === opType && others.length === 0 ? reader : undefined;
}

/** The constant [C, 1, ...] that an elementwise node applies to each channel. */
function channelConstant({ graph }: Search, node: Node): Float32Array | undefined {
  const shape = node.outputs[0]!.type?.shape;
  const constant = node.inputs.map((value) => value && graph.initializers.get(value)).find(Boolean);
  if (!shape || !constant) return undefined;
  const channels = constant.dims[constant.dims.length - shape.length + 1];
  const others = constant.dims.reduce((product, size) => product * size, 1);
  return channels === shape[1] && channels === others ? toFloat32(constant) : undefined;
}

/** A layer whose node takes scale and shift as its inputs 1 and 2. */
function ownAffine(
  search: Search,
  node: Node,
  kind: LayerKind,
  channelAxis: number,
): AdaptableLayer | UnadaptableLayer {
  const channels = node.outputs[0]!.type?.shape?.[channelAxis];
  const scale = constantVector(search, node.inputs[1]);
  // LayerNormalization may come without a shift, and RMSNormalization always does.
  const shift = node.inputs[2]
    ? constantVector(search, node.inputs[2])
    : new Float32Array(scale?.length ?? 0);
  if (!scale || !shift) return { node, reason: NOT_CONSTANT };
  if (scale.length !== channels) return { node, reason: 'its parameters do not go by channel' };
  return { node, kind, channels, channelAxis, scale, shift };
}

function convolution(_search: Search, node: Node): AdaptableLayer | undefined {
  const channels = node.outputs[0]?.type?.shape?.[1];
  if (node.opType !== 'Conv' || typeof channels !== 'number') return undefined;
  const scale = new Float32Array(channels).fill(1);
  return { node, kind: 'convolution', channels, channelAxis: 1, scale, shift: new Float32Array(channels) };
}

function constantVector({ graph }: Search, value: Value | null | undefined): Float32Array | undefined {
  const constant = value ? graph.initializers.get(value) : undefined;
  return constant && toFloat32(constant);
}
