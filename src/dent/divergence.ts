import { float32Constant, type Graph, GraphBuilder, type Value } from '../onnx/index.ts';
import { averageByChannel } from './affine.ts';
import type { AdaptableLayer } from './layers.ts';
import type { Valid } from './padding.ts';

/**
 * The graph with one more output: how far the statistics of the batch are from the training run's, in nats, a
 * float32 scalar. In each layer it is the Kullback-Leibler divergence of two normal distributions, one with
 * the batch's mean and variance, the other with the training run's, averaged over channels. Of the layers it
 * is the geometric mean, so that a layer counts by how many times its divergence has grown, and not by its
 * size.
 */
export function withDivergence(
  graph: Graph,
  layers: readonly AdaptableLayer[],
  valid: Valid | undefined,
): Graph {
  const builder = new GraphBuilder();
  for (const [value, constant] of graph.initializers) builder.adopt(value, constant);
  for (const node of graph.nodes) builder.append(node);
  const logarithms = layers
    .filter((layer) => layer.source !== undefined)
    .map((layer) =>
      builder.op('Unsqueeze', [builder.op('Log', [divergenceOf(builder, layer, valid)]), builder.ints([0])]),
    );
  const all = builder.op('Concat', logarithms, { attributes: { axis: 0 }, shape: [logarithms.length] });
  const divergence = builder.op('Exp', [meanOver(builder, all, [0])], { name: 'divergence', shape: [] });
  return builder.build('measured forward', graph.inputs, [...graph.outputs, divergence]);
}

const meanOver = (builder: GraphBuilder, value: Value, axes: readonly number[]): Value =>
  builder.op('ReduceMean', [value, builder.ints(axes)], { attributes: { keepdims: 0 } });

/** Of one layer with fixed statistics: (r + d² / v - 1 - ln r) / 2, r being the ratio of the variances. */
function divergenceOf(
  builder: GraphBuilder,
  { node, channels, source }: AdaptableLayer,
  valid: Valid | undefined,
): Value {
  const [x] = node.inputs as readonly [Value];
  const { mean, variance, epsilon } = source!;
  const shape = x.type!.shape!;
  const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const wide = shape.map((_, axis) => (axis === 1 ? channels : 1));
  const average = (value: Value): Value =>
    valid
      ? builder.op('Reshape', [averageByChannel(builder, value, wide, valid), builder.ints([channels])])
      : meanOver(builder, value, axes);
  const constant = (values: Float32Array, name: string, dims: readonly number[]): Value =>
    builder.constant(float32Constant(dims, values), name);
  const guarded = variance.map((value) => value + epsilon);
  // Centred by the training run's mean, the squares stay small, and one pass over the activation is enough.
  const centred = builder.op('Sub', [x, constant(mean, 'source_mean', wide)], { shape });
  const difference = average(centred);
  const squares = average(builder.op('Mul', [centred, centred], { shape }));
  const difference2 = builder.op('Mul', [difference, difference]);
  const spread = builder.op('Max', [builder.op('Sub', [squares, difference2]), 0]);
  const source1 = constant(guarded, 'source_variance', [channels]);
  const ratio = builder.op('Div', [builder.op('Add', [spread, epsilon]), source1]);
  const moved = builder.op('Div', [difference2, source1]);
  const sum = builder.op('Sub', [builder.op('Add', [ratio, moved]), builder.op('Log', [ratio])]);
  return meanOver(builder, builder.op('Mul', [builder.op('Sub', [sum, 1]), 0.5]), [0]);
}
