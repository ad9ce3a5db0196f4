import {
  consumersOf,
  type Graph,
  type Node,
  producersOf,
  toFloat32,
  toIntegers,
  type Value,
} from '../onnx/index.ts';

/** A graph with its edges both ways, for finding groups of nodes that together mean one thing. */
export interface Search {
  readonly graph: Graph;
  readonly producers: ReadonlyMap<Value, Node>;
  readonly consumers: ReadonlyMap<Value, readonly Node[]>;
}

export const createSearch = (graph: Graph): Search => ({
  graph,
  producers: producersOf(graph.nodes),
  consumers: consumersOf(graph.nodes),
});

/** The node that computes a value, if it is of this op. */
export const producerOf = (
  { producers }: Search,
  value: Value | null | undefined,
  opType: string,
): Node | undefined => {
  const node = value ? producers.get(value) : undefined;
  return node?.opType === opType && node.domain === '' ? node : undefined;
};

/**
 * The operands of a node of this op that has one constant among its two inputs; the constant comes second.
 */
export function withConstant({ graph }: Search, node: Node, opType: string): [Value, Value] | undefined {
  const [a, b] = node.inputs;
  if (node.opType !== opType || node.domain !== '' || !a || !b) return undefined;
  if (graph.initializers.has(b)) return [a, b];
  return graph.initializers.has(a) ? [b, a] : undefined;
}

/** The number in a value that is a constant of one element. */
export function scalarOf({ graph }: Search, value: Value | null | undefined): number | undefined {
  const constant = value ? graph.initializers.get(value) : undefined;
  const isOne = constant?.dims.every((size) => size === 1);
  return constant && isOne ? toFloat32(constant)[0] : undefined;
}

/** The one axis that a reduction reduces and keeps, counted from the front. Shapes must be measured. */
export function axisKept({ graph }: Search, reduction: Node): number | undefined {
  const rank = reduction.inputs[0]?.type?.shape?.length ?? 0;
  const constant = reduction.inputs[1] && graph.initializers.get(reduction.inputs[1]);
  const [axis, ...others] = constant ? toIntegers(constant) : [];
  const keepsAxis =
    reduction.attributes.keepdims?.kind !== 'int' || reduction.attributes.keepdims.value === 1;
  if (!keepsAxis || axis === undefined || others.length > 0) return undefined;
  return axis < 0 ? axis + rank : axis;
}
