import {
  type Graph,
  GraphBuilder,
  intAttribute,
  type Node,
  producersOf,
  toIntegers,
  type Value,
  withoutUnused,
} from '../../../onnx/index.ts';

/**
 * Writes each tensor taken out of a SplitToSequence as a Slice of the split value. torch's newer exporter
 * writes `chunk` and `split` that way, and no gradient passes a sequence. Constants must be folded.
 */
export function sliceSequences(graph: Graph): Graph {
  const producers = producersOf(graph.nodes);
  const builder = new GraphBuilder('sequence/');
  const nodes = graph.nodes.map((node) => sliceOf(graph, node, producers, builder) ?? node);
  const initializers = new Map([...graph.initializers, ...builder.initializers]);
  return withoutUnused({ ...graph, nodes, initializers });
}

function sliceOf(
  graph: Graph,
  node: Node,
  producers: ReadonlyMap<Value, Node>,
  builder: GraphBuilder,
): Node | undefined {
  if (node.domain !== '' || node.opType !== 'SequenceAt') return undefined;
  const split = producers.get(node.inputs[0]!);
  const sizes = constantOf(graph, split?.inputs[1]);
  const [index] = constantOf(graph, node.inputs[1]) ?? [];
  if (split?.opType !== 'SplitToSequence' || !sizes || index === undefined) return undefined;
  const bounds = isScalar(graph, split.inputs[1]!) ? evenPart(sizes[0]!, index) : part(sizes, index);
  if (!bounds) return undefined;
  const axis = builder.ints([intAttribute(split, 'axis', 0)]);
  const inputs = [split.inputs[0]!, builder.ints([bounds[0]]), builder.ints([bounds[1]]), axis];
  return { ...node, opType: 'Slice', inputs, attributes: {} };
}

function constantOf({ initializers }: Graph, value: Value | null | undefined): number[] | undefined {
  const constant = value ? initializers.get(value) : undefined;
  return constant && toIntegers(constant);
}

const isScalar = ({ initializers }: Graph, value: Value): boolean =>
  initializers.get(value)!.dims.length === 0;

/**
 * Where a part of the given size begins and ends. An index from the end would need the number of parts, which
 * is not known here.
 */
const evenPart = (size: number, index: number): [number, number] | undefined =>
  index < 0 ? undefined : [index * size, (index + 1) * size];

function part(sizes: readonly number[], index: number): [number, number] | undefined {
  const i = index < 0 ? index + sizes.length : index;
  const first = sizes.slice(0, i).reduce((a, b) => a + b, 0);
  return sizes[i] === undefined ? undefined : [first, first + sizes[i]];
}
