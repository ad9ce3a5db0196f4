import { consumersOf, type Graph, type Node, type Value } from '../onnx/index.ts';
import type { AdaptableLayer, LayerReport } from './layers.ts';

/**
 * How many nodes behind a convolution to search for its normalisation: an activation in parts, a Transpose, a
 * sum.
 */
const REACH = 6;

const EXPORT_AGAIN =
  'Export it again with torch.onnx.export(..., dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False), or by the newer exporter with optimize=False (docs/exporting.md).';

/**
 * One sentence on the loss where an exporter has folded BatchNormalization into the convolutions before it;
 * empty where nothing looks folded. A folded convolution has a bias and no normalisation behind it. Shapes
 * must be measured.
 */
export function foldedWarnings(graph: Graph, { layers, refused }: LayerReport): string[] {
  const bare = bareConvolutions(graph, layers);
  if (bare === 0 || layers.length === 0) return [];
  if (layers.every(({ kind }) => kind === 'convolution')) {
    // Then its normalisation layers are there.
    if (refused.length > 0) return [];
    return [
      `No normalisation layer is left in the model: unless it never had one, as vgg and alexnet, its exporter has folded BatchNormalization into the convolutions, and what they give is scaled and shifted instead. ${EXPORT_AGAIN}`,
    ];
  }
  if (bare <= mostBare(layers)) return [];
  return [
    `${bare} convolutions have no normalisation behind them, so it looks as if the exporter had folded BatchNormalization into them; of the normalisation layers ${layers.length} ${layers.length === 1 ? 'is' : 'are'} left, and only ${layers.length === 1 ? 'that is' : 'these are'} adapted. ${EXPORT_AGAIN}`,
  ];
}

/**
 * In networks of BatchNormalization hardly a convolution has a bias. With other layers there are up to two
 * such convolutions for each layer.
 */
const mostBare = (layers: readonly AdaptableLayer[]): number =>
  layers.some(({ kind }) => kind === 'batch') ? layers.length / 2 : 2 * layers.length;

function bareConvolutions(graph: Graph, layers: readonly AdaptableLayer[]): number {
  const consumers = consumersOf(graph.nodes);
  const normalising = new Set(layers.filter(({ kind }) => kind !== 'convolution').map(({ node }) => node));
  return graph.nodes.filter(
    (node) =>
      node.domain === '' &&
      node.opType === 'Conv' &&
      node.inputs[2] &&
      isOverPixels(node) &&
      !isNormalised(node, normalising, consumers),
  ).length;
}

/** Convolutions of averages (squeeze-and-excitation) have a bias in any network. */
const isOverPixels = ({ outputs }: Node): boolean =>
  outputs[0]?.type?.shape?.slice(2).some((size) => size !== 1) ?? false;

/** Ops that end the search from a convolution to its normalisation. */
const WEIGHED: ReadonlySet<string> = new Set(['Conv', 'MatMul', 'Gemm']);

function isNormalised(
  convolution: Node,
  normalising: ReadonlySet<Node>,
  consumers: ReadonlyMap<Value, readonly Node[]>,
): boolean {
  let reached: Node[] = [convolution];
  for (let step = 0; step < REACH && reached.length > 0; step++) {
    const next = reached.flatMap(({ outputs }) =>
      outputs.flatMap((value) => (value && consumers.get(value)) || []),
    );
    if (next.some((node) => normalising.has(node))) return true;
    reached = [...new Set(next)].filter(({ opType }) => !WEIGHED.has(opType));
  }
  return false;
}
