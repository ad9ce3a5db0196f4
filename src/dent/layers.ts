import {
  describeNode,
  floatAttribute,
  type Graph,
  intAttribute,
  type Node,
  toFloat32,
  type Value,
} from '../onnx/index.ts';

/** One layer whose scale and shift dent adapts. Vectors are indexed by channel. */
export interface AdaptableLayer {
  readonly node: Node;
  readonly kind: 'batch' | 'convolution';
  readonly channels: number;
  /** The trained affine parameters, where adaptation starts. */
  readonly scale: Float32Array;
  readonly shift: Float32Array;
  /** The training run's statistics; absent where the layer does not normalise by fixed ones. */
  readonly source?: {
    readonly mean: Float32Array;
    readonly variance: Float32Array;
    readonly epsilon: number;
  };
}

/** A normalisation layer that cannot be adapted, and why. */
export interface UnadaptableLayer {
  readonly node: Node;
  readonly reason: string;
}

export interface LayerReport {
  readonly layers: readonly AdaptableLayer[];
  readonly refused: readonly UnadaptableLayer[];
}

/** Finds the layers whose scale and shift can be adapted, in the order of the graph. */
export function findLayers(graph: Graph): LayerReport {
  const layers: AdaptableLayer[] = [];
  const refused: UnadaptableLayer[] = [];
  for (const node of graph.nodes) {
    if (node.domain !== '' || node.opType !== 'BatchNormalization') continue;
    const found = batchNormalization(graph, node);
    if ('reason' in found) refused.push(found);
    else layers.push(found);
  }
  return { layers, refused };
}

function batchNormalization(graph: Graph, node: Node): AdaptableLayer | UnadaptableLayer {
  if (intAttribute(node, 'training_mode', 0)) return { node, reason: 'it is in training mode' };
  const vectors = [1, 2, 3, 4].map((i) => constantVector(graph, node.inputs[i]));
  if (!vectors.every((vector) => vector !== undefined)) {
    return { node, reason: 'its parameters are not constants' };
  }
  const [scale, shift, mean, variance] = vectors as [Float32Array, Float32Array, Float32Array, Float32Array];
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  return { node, kind: 'batch', channels: scale.length, scale, shift, source: { mean, variance, epsilon } };
}

function constantVector(graph: Graph, value: Value | null | undefined): Float32Array | undefined {
  const constant = value ? graph.initializers.get(value) : undefined;
  return constant && toFloat32(constant);
}

export const describeLayer = (layer: AdaptableLayer): string =>
  `${describeNode(layer.node)} (${layer.channels} channels)`;
