import {
  type Constant,
  consumersOf,
  DATA_TYPE,
  type Dim,
  float32Constant,
  type Graph,
  intAttribute,
  type Node,
  producersOf,
  toIntegers,
  type Value,
} from '../../../onnx/index.ts';
import { withBodies } from '../map-graph.ts';

/**
 * Sums over the pixels of activations become means times the number of pixels, where they are joined along
 * the channels as the gradients of scales and shifts are: one product serves all. ONNX Runtime's CUDA
 * provider computes a mean, which is a pooling, in about half of the time. Bodies of loops and branches are
 * rewritten too.
 */
export function averagePixels(graph: Graph): Graph {
  const producers = producersOf(graph.nodes);
  const consumers = consumersOf(graph.nodes);
  const initializers = new Map(graph.initializers);
  const means = new Map<Node, Node>();
  const products = new Map<Node, Node[]>();

  const axesOf = ({ inputs }: Node): string | undefined => {
    const constant = inputs[1] ? graph.initializers.get(inputs[1]) : undefined;
    return constant && toIntegers(constant).join();
  };

  /** The sum over pixels, of activations [N, C, H, W], that gives `value`, perhaps by a sum over rows. */
  function pixelSum(value: Value | null | undefined): Node | undefined {
    const node = value ? producers.get(value) : undefined;
    if (node?.opType !== 'ReduceSum' || intAttribute(node, 'keepdims', 1) !== 1) return undefined;
    if (consumers.get(value!)!.length > 1 || graph.outputs.includes(value!)) return undefined;
    const axes = axesOf(node);
    if (axes === '0') return pixelSum(node.inputs[0]);
    return axes === '2,3' ? node : undefined;
  }

  for (const concat of graph.nodes) {
    if (concat.opType !== 'Concat' || intAttribute(concat, 'axis', 0) !== 1) continue;
    const sums = concat.inputs.map(pixelSum);
    const shapes = sums.map((sum) => imageShape(sum?.inputs[0]));
    if (sums.length === 0 || !shapes.every((shape) => shape)) continue;
    for (const sum of sums as Node[]) means.set(sum, meanOf(sum));
    const counts = shapes.flatMap((shape) => new Array<number>(shape!.channels).fill(shape!.pixels));
    products.set(concat, timesCounts(concat, counts, initializers));
  }
  const nodes = graph.nodes.flatMap(
    (node) => products.get(node) ?? [means.get(node) ?? withBodies(node, averagePixels)],
  );
  return { ...graph, nodes, initializers };
}

function imageShape(value: Value | null | undefined): { channels: number; pixels: number } | undefined {
  const { dataType, shape } = value?.type ?? {};
  if (dataType !== DATA_TYPE.float32 || shape?.length !== 4) return undefined;
  const [, channels, height, width] = shape as [Dim, Dim, Dim, Dim];
  if (typeof channels !== 'number' || typeof height !== 'number' || typeof width !== 'number')
    return undefined;
  return { channels, pixels: height * width };
}

const meanOf = (sum: Node): Node => ({
  ...sum,
  opType: 'GlobalAveragePool',
  inputs: [sum.inputs[0]!],
  attributes: {},
});

/** The Concat, and after it the product with the number of pixels of each channel. */
function timesCounts(concat: Node, counts: readonly number[], initializers: Map<Value, Constant>): Node[] {
  const [sums] = concat.outputs as [Value];
  const means: Value = { ...sums, name: `${sums.name}_means` };
  const dims = [1, counts.length, 1, 1];
  const pixels: Value = { name: `${sums.name}_pixels`, type: { dataType: DATA_TYPE.float32, shape: dims } };
  initializers.set(pixels, float32Constant(dims, counts));
  return [
    { ...concat, outputs: [means] },
    {
      opType: 'Mul',
      domain: '',
      name: pixels.name,
      inputs: [means, pixels],
      outputs: [sums],
      attributes: {},
    },
  ];
}
