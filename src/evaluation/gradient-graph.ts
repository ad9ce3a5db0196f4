import { appendGradientsIfAny } from '../autodiff/index.ts';
import { type AdaptiveForward, inDoublePrecision, type PreparedModel } from '../dent/index.ts';
import {
  DATA_TYPE,
  encodeModel,
  float32Constant,
  GraphBuilder,
  inline,
  type Value,
  withoutUnused,
} from '../onnx/index.ts';
import { LOSSES } from './losses.ts';
import type { PixelScaling } from './pixel-scaling.ts';
import type { LossName } from './target.ts';

/** The names of what the graphs take and give. */
export const FEEDS = {
  pixels: 'pixels',
  parameters: 'parameters',
  labels: 'labels',
  targets: 'targets',
  weights: 'weights',
};
export const RESULTS = { logits: 'logits', losses: 'losses', gradient: 'gradient' };
/** What the graph of slopes gives beside these. */
export const BY_PARAMETERS = 'by_parameters';

const classes = (name: string): Value => ({ name, type: { dataType: DATA_TYPE.int64, shape: ['N'] } });

/** The network as a function of pixels in [0, 1], and of parameters where it has any. */
function begin({ classifier }: PreparedModel, forward: AdaptiveForward, scaling: PixelScaling) {
  const builder = new GraphBuilder();
  const pixels: Value = { ...classifier.input, name: FEEDS.pixels };
  const [, given] = forward.graph.inputs as [Value, Value];
  const parameters: Value = { ...given, name: FEEDS.parameters };
  const perChannel = (values: readonly number[], name: string) =>
    builder.constant(float32Constant([1, values.length, 1, 1], values), name);
  const shape = pixels.type!.shape!;
  const scaled = builder.op('Mul', [pixels, perChannel(scaling.factor, 'factor')], { shape });
  const image = builder.op('Add', [scaled, perChannel(scaling.offset, 'offset')], { shape });
  const [logits] = inline(builder, forward.graph, [image, parameters]) as [Value];
  const inputs = forward.parameterCount > 0 ? [pixels, parameters] : [pixels];
  return { builder, pixels, parameters, logits, inputs };
}

const output = (builder: GraphBuilder, name: string, value: Value, like: Value): Value =>
  builder.op('Identity', [value], { name, shape: like.type!.shape! });

/** pixels (and parameters) to logits. */
export function forwardGraph(
  prepared: PreparedModel,
  forward: AdaptiveForward,
  scaling: PixelScaling,
): Uint8Array {
  const { builder, logits, inputs } = begin(prepared, forward, scaling);
  const graph = builder.build('forward', inputs, [output(builder, RESULTS.logits, logits, logits)]);
  return encodeModel({ ...prepared.classifier.model, graph: withoutUnused(graph) });
}

/**
 * pixels, parameters, labels, targets and weights to logits, the losses `names` of each row, [N, L], and the
 * gradient of their weighted sum by the pixels, and by the parameters where that is asked for. One graph for
 * all losses: they cost nothing beside the network, and each graph that is open holds memory for all its
 * activations. Losses are in float64: theirs are small differences of logits.
 */
export function gradientGraph(
  prepared: PreparedModel,
  forward: AdaptiveForward,
  scaling: PixelScaling,
  names: readonly LossName[],
  byParameters = false,
): Uint8Array {
  const { builder, pixels, parameters, logits, inputs } = begin(prepared, forward, scaling);
  const labels = classes(FEEDS.labels);
  const targets = classes(FEEDS.targets);
  const doubles = inDoublePrecision(builder, logits);
  const columns = names.map((name) => {
    const loss = LOSSES[name].write(builder, { logits: doubles, labels, targets });
    return builder.op('Unsqueeze', [loss, builder.ints([1])], { shape: [...loss.type!.shape!, 1] });
  });
  const shape = [logits.type!.shape![0]!, names.length];
  const losses = builder.op('Concat', columns, { attributes: { axis: 1 }, shape });
  const weights: Value = { name: FEEDS.weights, type: { dataType: DATA_TYPE.float64, shape } };
  const weighted = builder.op('Mul', [losses, weights], { shape });
  const total = builder.op('ReduceSum', [weighted], { attributes: { keepdims: 0 }, shape: [] });
  const by = byParameters ? [pixels, parameters] : [pixels];
  // A network that jumps from one answer to another, behind rounding for instance, is flat almost everywhere.
  const [gradient, slope] = appendGradientsIfAny(builder, total, by).map(
    (found, i) => found ?? builder.op('Mul', [by[i]!, 0], { shape: by[i]!.type!.shape! }),
  ) as [Value, Value?];
  const outputs = [
    output(builder, RESULTS.logits, logits, logits),
    output(builder, RESULTS.losses, losses, losses),
    output(builder, RESULTS.gradient, gradient, pixels),
    ...(slope ? [output(builder, BY_PARAMETERS, slope, parameters)] : []),
  ];
  const graph = builder.build('gradient', [...inputs, labels, targets, weights], outputs);
  return encodeModel({ ...prepared.classifier.model, graph: withoutUnused(graph) });
}
