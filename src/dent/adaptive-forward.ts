import { type Dim, float32Constant, type Graph, GraphBuilder, type Node, type Value } from '../onnx/index.ts';
import type { Classifier } from './classifier.ts';
import type { AdaptableLayer } from './layers.ts';
import { BATCH } from './passes/measure-shapes.ts';
import type { Recipe } from './recipe.ts';

/** The classifier as a function of an image batch and its adapted parameters. */
export interface AdaptiveForward {
  /** Inputs: the image [N, C, H, W] and the parameters [R, P], R being 1 or N by scope; output: logits [N, K]. */
  readonly graph: Graph;
  /** P: an offset to each trained scale, then one to each trained shift. Adaptation starts from zero. */
  readonly parameterCount: number;
  /** Learning rate of each parameter, [P]. */
  readonly learningRates: Float32Array;
}

/** The number of parameter rows of a scope: one for the batch, or one for each row. */
export const parameterRows = (recipe: Recipe): Dim => (recipe.scope === 'sample' ? BATCH : 1);

/**
 * Rewrites the classifier so that each layer's scale and shift come from one flat parameter tensor. For source statistics the
 * normalisation becomes one multiplication and one addition, y = x * s + t with s = scale / sqrt(var + eps) and
 * t = shift - mean * s, where s and t of all layers are computed at once.
 */
export function adaptiveForward(
  classifier: Classifier,
  layers: readonly AdaptableLayer[],
  recipe: Recipe,
): AdaptiveForward {
  const { graph } = classifier.model;
  const parameterCount = 2 * layers.reduce((sum, layer) => sum + layer.channels, 0);
  const builder = new GraphBuilder();
  for (const [value, constant] of graph.initializers) builder.adopt(value, constant);
  const parameters: Value = {
    name: 'parameters',
    type: { dataType: 1, shape: [parameterRows(recipe), parameterCount] },
  };
  const affine = splitParameters(builder, parameters, layers, recipe);
  const blend = blendWeight(builder, classifier.input, recipe);
  const byNode = new Map<Node, number>(layers.map((layer, i) => [layer.node, i]));
  const rewired = new Map<Value, Value>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((value) => value && (rewired.get(value) ?? value));
    const i = byNode.get(node);
    if (i === undefined) builder.append({ ...node, inputs });
    else
      rewired.set(node.outputs[0]!, applyLayer(builder, layers[i]!, inputs[0]!, affine[i]!, recipe, blend));
  }
  const logits = rewired.get(classifier.logits) ?? classifier.logits;
  return {
    graph: builder.build('adaptive forward', [classifier.input, parameters], [logits]),
    parameterCount,
    learningRates: new Float32Array(parameterCount).fill(recipe.affine === 'on' ? recipe.lr : 0),
  };
}

/** Scale and shift of one layer, [R, C] each. */
interface Affine {
  readonly scale: Value;
  readonly shift: Value;
}

function splitParameters(
  builder: GraphBuilder,
  parameters: Value,
  layers: readonly AdaptableLayer[],
  recipe: Recipe,
): Affine[] {
  if (layers.length === 0) return [];
  const rows = parameterRows(recipe);
  const sizes = layers.map((layer) => layer.channels);
  const total = sizes.reduce((a, b) => a + b, 0);
  const offsets = split(builder, parameters, [total, total], rows) as [Value, Value];
  const [scales, shifts] = fromOffsets(builder, offsets, layers, recipe, [rows, total]);
  const scale = split(builder, scales, sizes, rows);
  const shift = split(builder, shifts, sizes, rows);
  return layers.map((_, i) => ({ scale: scale[i]!, shift: shift[i]! }));
}

function split(builder: GraphBuilder, value: Value, sizes: readonly number[], rows: Dim): Value[] {
  const parts = builder.multi('Split', [value, builder.ints(sizes)], sizes.length, {
    attributes: { axis: 1 },
  });
  parts.forEach((part, i) => {
    part.type = { dataType: 1, shape: [rows, sizes[i]!] };
  });
  return parts;
}

/**
 * Scale and shift of all layers at once, [R, C], from the offsets that adaptation has added to the trained ones. With source statistics they
 * hold the normalisation too: s = scale / deviation and t = shift - mean * s. Starting from s and t rounded once, and adding what the
 * offsets change, keeps digits that the same formulas in float32 would lose.
 */
function fromOffsets(
  builder: GraphBuilder,
  [scaleOffset, shiftOffset]: readonly [Value, Value],
  layers: readonly AdaptableLayer[],
  recipe: Recipe,
  shape: readonly [Dim, number],
): [Value, Value] {
  const constant = (values: readonly number[], name: string) =>
    builder.constant(float32Constant([1, shape[1]], values), name);
  const sources = layers.map((layer) => fixedNormalization(layer, recipe));
  const start = layers.flatMap((layer, l) => startOf(layer, sources[l]!));
  const scaled = builder.op(
    'Mul',
    [
      scaleOffset,
      constant(
        sources.flatMap((s) => s.inverseDeviation),
        'inverse_deviation',
      ),
    ],
    { shape },
  );
  const centred = builder.op(
    'Mul',
    [
      scaled,
      constant(
        sources.flatMap((s) => s.mean),
        'mean',
      ),
    ],
    { shape },
  );
  const change = builder.op('Sub', [shiftOffset, centred], { shape });
  return [
    builder.op(
      'Add',
      [
        scaled,
        constant(
          start.map((c) => c.scale),
          'source_scales',
        ),
      ],
      { name: 'scales', shape },
    ),
    builder.op(
      'Add',
      [
        change,
        constant(
          start.map((c) => c.shift),
          'source_shifts',
        ),
      ],
      { name: 'shifts', shape },
    ),
  ];
}

/** Mean and 1 / deviation by channel where they are fixed; 0 and 1 where the layer normalises by other ones, or not at all. */
function fixedNormalization(
  layer: AdaptableLayer,
  recipe: Recipe,
): { mean: number[]; inverseDeviation: number[] } {
  const { source, channels } = layer;
  if (!source || recipe.statistics !== 'source') {
    return {
      mean: new Array<number>(channels).fill(0),
      inverseDeviation: new Array<number>(channels).fill(1),
    };
  }
  return {
    mean: [...source.mean],
    inverseDeviation: Array.from(source.variance, (variance) => 1 / Math.sqrt(variance + source.epsilon)),
  };
}

function startOf(layer: AdaptableLayer, { mean, inverseDeviation }: ReturnType<typeof fixedNormalization>) {
  return Array.from(layer.scale, (trained, c) => {
    const scale = trained * inverseDeviation[c]!;
    return { scale, shift: layer.shift[c]! - mean[c]! * scale };
  });
}

/** The batch's weight beside the source statistics, n / (n + prior) (Schneider et al. 2020, equation 1); undefined where it is 1. */
function blendWeight(builder: GraphBuilder, image: Value, recipe: Recipe): Value | undefined {
  if (recipe.statistics !== 'blend') return undefined;
  const n = rowCount(builder, image);
  return builder.op('Div', [n, builder.op('Add', [n, recipe.prior], { shape: [] })], {
    name: 'batch_weight',
    shape: [],
  });
}

/** N as a float32 scalar. */
export function rowCount(builder: GraphBuilder, image: Value): Value {
  const size = builder.op('Gather', [builder.op('Shape', [image]), builder.int(0)]);
  return builder.op('Cast', [size], { name: 'rows', attributes: { to: 1 }, shape: [] });
}

function applyLayer(
  builder: GraphBuilder,
  layer: AdaptableLayer,
  x: Value,
  affine: Affine,
  recipe: Recipe,
  blend: Value | undefined,
): Value {
  const shape = x.type?.shape;
  if (!shape) throw new Error(`The shape of "${x.name}" was not measured. This is a bug.`);
  const spread = (value: Value, rows: Dim): Value => {
    const spatial = shape.slice(2).map(() => 1);
    if (spatial.length === 0) return value;
    const target = [rows, layer.channels, ...spatial];
    return builder.op('Unsqueeze', [value, builder.ints(spatial.map((_, i) => i + 2))], { shape: target });
  };
  const rows = parameterRows(recipe);
  let scale = spread(affine.scale, rows);
  let shift = spread(affine.shift, rows);
  if (recipe.statistics !== 'source' && layer.source) {
    [scale, shift] = applyBatchStatistics(builder, layer, x, scale, shift, blend, recipe);
  }
  const scaled = builder.op('Mul', [x, scale], { name: `${layer.node.name}_scale`, shape });
  return builder.op('Add', [scaled, shift], { name: `${layer.node.name}_shift`, shape });
}

/** Scale and shift that normalise by the statistics of the batch, or by those blended with the source's; both take part in the gradient. */
function applyBatchStatistics(
  builder: GraphBuilder,
  layer: AdaptableLayer,
  x: Value,
  scale: Value,
  shift: Value,
  blend: Value | undefined,
  recipe: Recipe,
): [Value, Value] {
  const shape = x.type!.shape!;
  const axes = builder.ints(shape.map((_, axis) => axis).filter((axis) => axis !== 1));
  const perChannel = shape.map((_, axis) => (axis === 1 ? layer.channels : 1));
  const full = shape.map((_, axis) => (axis === 1 ? layer.channels : axis === 0 ? parameterRows(recipe) : 1));
  const average = (value: Value) =>
    builder.op('ReduceMean', [value, axes], { attributes: { keepdims: 1 }, shape: perChannel });
  const batchMean = average(x);
  const centred = builder.op('Sub', [x, batchMean], { shape });
  const batchVariance = average(builder.op('Mul', [centred, centred], { shape }));
  const { mean, variance, epsilon } = layer.source!;
  const mixed = (batch: Value, source: Float32Array): Value => {
    if (!blend) return batch;
    const fixed = builder.constant(float32Constant(perChannel as number[], source), 'source_statistics');
    const difference = builder.op('Sub', [batch, fixed], { shape: perChannel });
    const step = builder.op('Mul', [difference, blend], { shape: perChannel });
    return builder.op('Add', [fixed, step], { shape: perChannel });
  };
  const guarded = builder.op('Add', [mixed(batchVariance, variance), epsilon], { shape: perChannel });
  const deviation = builder.op('Sqrt', [guarded], { shape: perChannel });
  const s = builder.op('Div', [scale, deviation], { shape: full });
  const centre = builder.op('Mul', [s, mixed(batchMean, mean)], { shape: full });
  return [s, builder.op('Sub', [shift, centre], { shape: full })];
}
