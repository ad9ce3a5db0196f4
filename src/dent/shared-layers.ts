import { type Graph, type Node, toFloat32, type Value } from '../onnx/index.ts';
import type { AdaptableLayer } from './layers.ts';
import { producerOf, type Search } from './search.ts';

/**
 * The layers, with those that are one layer used several times linked to its first use: such a layer has one
 * scale and one shift, wherever it is used. It is known by its tensors. Exporters keep equal tensors once, so
 * those of nothing but 0 and 1, as layers have them before training, do not make two layers one.
 */
export function linkShared(search: Search, layers: readonly AdaptableLayer[]): AdaptableLayer[] {
  const tensors = layers.map((layer) => trainedTensors(search, layer));
  return layers.map((layer, i) => {
    const first = layers.findIndex((other, j) => isSame(layer, other) && areSame(tensors[i]!, tensors[j]!));
    return first < i && first !== -1 && tensors[i]!.length > 0 ? { ...layer, first: layers[first]! } : layer;
  });
}

/** The layers that have a scale and a shift of their own: the first use of each. */
export const firstUses = (layers: readonly AdaptableLayer[]): AdaptableLayer[] =>
  layers.filter((layer) => layer.first === undefined);

const areSame = (some: readonly Value[], others: readonly Value[]): boolean =>
  some.length === others.length && some.every((value, i) => value === others[i]);

const isSame = (one: AdaptableLayer, other: AdaptableLayer): boolean =>
  one.kind === other.kind &&
  one.source?.epsilon === other.source?.epsilon &&
  [one.scale, one.shift].every((vector, i) => {
    const same = [other.scale, other.shift][i]!;
    return vector.length === same.length && vector.every((x, c) => x === same[c]);
  });

/** The constants of a layer that hold other numbers than 0 and 1. */
function trainedTensors(search: Search, { node, normalised }: AdaptableLayer): Value[] {
  // Scale and shift may be in a Mul and an Add.
  const product = normalised && node.inputs.map((value) => producerOf(search, value, 'Mul')).find(Boolean);
  return [...constantsOf(search.graph, product), ...constantsOf(search.graph, node)];
}

const constantsOf = ({ initializers }: Graph, node: Node | undefined): Value[] =>
  (node?.inputs ?? []).filter((value): value is Value => {
    const constant = value ? initializers.get(value) : undefined;
    return constant !== undefined && toFloat32(constant).some((x) => x !== 0 && x !== 1);
  });
