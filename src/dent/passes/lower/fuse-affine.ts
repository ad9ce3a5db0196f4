import {
  consumersOf,
  type Graph,
  GraphBuilder,
  type Node,
  producersOf,
  type Value,
} from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';

/**
 * Writes x * s + t, with one s and t for each row and channel, as one BatchNormalization with mean 0 and
 * variance 1. ONNX Runtime then goes over the activation once instead of twice. Where every row has its own s
 * and t, rows and channels become one axis; that costs nothing, because a Reshape moves no data. Bodies of
 * loops are rewritten too.
 */
export function fuseAffine(graph: Graph): Graph {
  const producers = producersOf(graph.nodes);
  const consumers = consumersOf(graph.nodes);
  const builder = new GraphBuilder('affine/');
  for (const [value, constant] of graph.initializers) builder.adopt(value, constant);
  const absorbed = new Set<Node>();
  const sums = new Map<Node, Affine>();
  for (const add of graph.nodes) {
    const affine = matchAffine(add, producers, consumers);
    if (!affine) continue;
    sums.set(add, affine);
    absorbed.add(affine.product);
  }
  const neutral = neutralStatistics(builder);
  for (const node of graph.nodes) {
    if (absorbed.has(node)) continue;
    const affine = sums.get(node);
    if (affine) appendBatchNormalization(builder, affine, node, neutral);
    else builder.append(withBodies(node, fuseAffine));
  }
  return builder.build(graph.name, graph.inputs, graph.outputs);
}

interface Affine {
  readonly product: Node;
  readonly x: Value;
  readonly scale: Value;
  readonly shift: Value;
  readonly channels: number;
  /** Sizes of the axes behind the channel. */
  readonly spatial: readonly number[];
  /** Whether each row has its own scale and shift. */
  readonly perRow: boolean;
}

/**
 * Add(Mul(x, scale), shift) where scale and shift are [1 or N, C, 1, 1] and nothing else reads the product.
 */
function matchAffine(
  add: Node,
  producers: ReadonlyMap<Value, Node>,
  consumers: ReadonlyMap<Value, readonly Node[]>,
): Affine | undefined {
  if (add.opType !== 'Add') return undefined;
  const [scaled, shift] = add.inputs as [Value, Value];
  const product = producers.get(scaled);
  if (product?.opType !== 'Mul' || consumers.get(scaled)?.length !== 1) return undefined;
  const [x, scale] = product.inputs as [Value, Value];
  const [from, s, t] = [x, scale, shift].map((value) => value.type?.shape);
  const [channels, ...spatial] = from?.slice(1) ?? [];
  if (!from || !s || !t || typeof channels !== 'number' || spatial.length === 0) return undefined;
  if (!spatial.every((size) => typeof size === 'number')) return undefined;
  const isVector = (shape: readonly unknown[]) =>
    shape.length === from.length && shape[1] === channels && shape.slice(2).every((size) => size === 1);
  if (!isVector(s) || !isVector(t) || s[0] !== t[0] || (s[0] !== 1 && s[0] !== from[0])) return undefined;
  return { product, x, scale, shift, channels, spatial: spatial as number[], perRow: s[0] !== 1 };
}

type Statistics = readonly [mean: Value, variance: Value];

/** Mean 0 and variance 1 in the shape of a scale, written once for each such shape. */
function neutralStatistics(builder: GraphBuilder): (scale: Value, affine: Affine) => Statistics {
  const known = new Map<string, Statistics>();
  return (scale, { channels, perRow }) => {
    const shape = `${channels} ${perRow}`;
    const mean = () => builder.op('Mul', [scale, 0]);
    const make = (zero: Value): Statistics => [zero, builder.op('Add', [zero, 1])];
    const statistics = known.get(shape) ?? make(mean());
    known.set(shape, statistics);
    return statistics;
  };
}

function appendBatchNormalization(
  builder: GraphBuilder,
  affine: Affine,
  add: Node,
  neutral: ReturnType<typeof neutralStatistics>,
): void {
  const { channels, spatial } = affine;
  const flat = (value: Value) => builder.op('Reshape', [value, builder.ints([-1])]);
  const [scale, shift] = [flat(affine.scale), flat(affine.shift)];
  const parameters = [scale, shift, ...neutral(scale, affine)];
  const attributes = { epsilon: { float: 0 } };
  if (!affine.perRow) {
    const [y] = builder.multi('BatchNormalization', [affine.x, ...parameters], 1, {
      name: add.name,
      attributes,
    }) as [Value];
    builder.append(identity(y, add));
    return;
  }
  const wide = builder.op('Reshape', [affine.x, builder.ints([1, -1, ...spatial])]);
  const y = builder.op('BatchNormalization', [wide, ...parameters], { name: add.name, attributes });
  builder.append({
    ...identity(y, add),
    opType: 'Reshape',
    inputs: [y, builder.ints([-1, channels, ...spatial])],
  });
}

/** A node that gives `value` the identity of the output that `node` had. */
function identity(value: Value, node: Node): Node {
  return {
    opType: 'Identity',
    domain: '',
    name: `${node.name}_out`,
    inputs: [value],
    outputs: node.outputs,
    attributes: {},
  };
}
