import { type Dim, float32Constant, type GraphBuilder, type Value } from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';
import type { AdaptableLayer } from './layers.ts';
import { sumOfRows, type Valid } from './padding.ts';
import type { Recipe } from './recipe-fields.ts';
import { firstUses } from './shared-layers.ts';
import { type BatchShare, STATISTICS } from './statistics.ts';

/** The number of parameter rows of a scope: one for the batch, or one for each row. */
export const parameterRows = (recipe: Recipe): Dim => (recipe.scope === 'sample' ? BATCH : 1);

/**
 * Scale and shift of one layer, [R, C] each, or [R, C, 1, ...] with as many axes as the tensor that they are
 * applied to.
 */
export interface Affine {
  readonly scale: Value;
  readonly shift: Value;
}

/**
 * Scale and shift of each layer from the offsets of adaptation, [R, sum of channels] each. Where there are no
 * offsets: as trained.
 */
export function affineOf(
  builder: GraphBuilder,
  offsets: readonly [scale: Value, shift: Value] | undefined,
  layers: readonly AdaptableLayer[],
  recipe: Recipe,
): Affine[] {
  if (layers.length === 0) return [];
  const own = firstUses(layers);
  const rows = offsets ? parameterRows(recipe) : 1;
  const sizes = own.map((layer) => layer.channels);
  const total = sizes.reduce((a, b) => a + b, 0);
  // Cut at once, so that the gradients of all layers meet in one node: ONNX Runtime can then compute both
  // gradients of a layer while its data is in the cache.
  const both = builder.op('Concat', fromOffsets(builder, offsets, own, recipe, [rows, total]), {
    attributes: { axis: 1 },
    shape: [rows, 2 * total],
  });
  const behind = axesBehind(layers);
  const wide =
    behind.length > 0
      ? builder.op('Unsqueeze', [both, builder.ints(behind)], {
          shape: [rows, 2 * total, ...behind.map(() => 1)],
        })
      : both;
  const parts = split(builder, wide, [...sizes, ...sizes]);
  return layers.map((layer) => {
    const i = own.indexOf(layer.first ?? layer);
    return { scale: parts[i]!, shift: parts[own.length + i]! };
  });
}

/**
 * The axes behind the channels', where all layers have their channels second and the same number of axes;
 * otherwise none.
 */
function axesBehind(layers: readonly AdaptableLayer[]): number[] {
  const rank = (layer: AdaptableLayer) => layer.node.outputs[0]!.type!.shape!.length;
  const axes = rank(layers[0]!);
  const alike = layers.every((layer) => layer.channelAxis === 1 && rank(layer) === axes);
  return alike ? Array.from({ length: axes - 2 }, (_, i) => i + 2) : [];
}

/** Parts of the given widths of a tensor [R, sum of widths, ...]. */
export function split(builder: GraphBuilder, value: Value, sizes: readonly number[]): Value[] {
  const [rows, , ...others] = value.type!.shape!;
  const parts = builder.multi('Split', [value, builder.ints(sizes)], sizes.length, {
    attributes: { axis: 1 },
  });
  parts.forEach((part, i) => {
    part.type = { dataType: 1, shape: [rows!, sizes[i]!, ...others] };
  });
  return parts;
}

/**
 * Scale and shift of all layers at once, [R, C], from the offsets that adaptation has added to the trained
 * ones. With source statistics they hold the normalisation too: s = scale / deviation and t = shift - mean *
 * s. Start from s and t, rounded once, and add the change that the offsets make: this keeps digits that the
 * same formulas in float32 would lose.
 */
function fromOffsets(
  builder: GraphBuilder,
  offsets: readonly [scale: Value, shift: Value] | undefined,
  layers: readonly AdaptableLayer[],
  recipe: Recipe,
  shape: readonly [Dim, number],
): [Value, Value] {
  const constant = (values: readonly number[], name: string) =>
    builder.constant(float32Constant([1, shape[1]], values), name);
  const sources = layers.map((layer) => fixedNormalization(layer, recipe));
  const start = layers.flatMap((layer, l) => startOf(layer, sources[l]!));
  const scales = constant(
    start.map((c) => c.scale),
    'source_scales',
  );
  const shifts = constant(
    start.map((c) => c.shift),
    'source_shifts',
  );
  if (!offsets) return [scales, shifts];
  const inverse = constant(
    sources.flatMap((s) => s.inverseDeviation),
    'inverse_deviation',
  );
  const scaled = builder.op('Mul', [offsets[0], inverse], { shape });
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
  const change = builder.op('Sub', [offsets[1], centred], { shape });
  return [
    builder.op('Add', [scaled, scales], { name: 'scales', shape }),
    builder.op('Add', [change, shifts], { name: 'shifts', shape }),
  ];
}

/**
 * Mean and 1 / deviation by channel, where they are fixed. 0 and 1 where the layer uses other statistics, or
 * does not normalise.
 */
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

/** Values of the graph that an adaptive forward is written into. */
export interface Around {
  /** A float32 scalar that multiplies the batch's share of blended statistics. */
  readonly blendFactor?: Value | undefined;
  /** The rows that statistics of a batch are taken over. Absent: all. */
  readonly valid?: Valid | undefined;
}

/** The share of the batch in the statistics of BatchNormalization, times a factor where there is one. */
export function batchShare(
  builder: GraphBuilder,
  image: Value,
  { statistics, prior }: Recipe,
  { blendFactor, valid }: Around,
): BatchShare {
  const rows = () => valid?.count ?? rowCount(builder, image);
  const share = STATISTICS[statistics].batchShare(builder, rows, prior);
  if (blendFactor === undefined || typeof share === 'string') return share;
  return builder.op('Mul', [share, blendFactor], { shape: [] });
}

/** N as a float32 scalar. */
export function rowCount(builder: GraphBuilder, image: Value): Value {
  const size = builder.op('Gather', [builder.op('Shape', [image]), builder.int(0)]);
  return builder.op('Cast', [size], { name: 'rows', attributes: { to: 1 }, shape: [] });
}

/** What a layer takes the batch's statistics over, and their share. */
export interface BatchStatistics {
  readonly share: BatchShare;
  /** The rows that count. Absent: all. */
  readonly valid: Valid | undefined;
}

/**
 * The layer on x: y = x * scale + shift, normalised first by the batch's statistics where they have a share.
 */
export function applyLayer(
  builder: GraphBuilder,
  layer: AdaptableLayer,
  x: Value,
  affine: Affine,
  { share, valid }: BatchStatistics,
): Value {
  const shape = x.type?.shape;
  if (!shape) throw new Error(`The shape of "${x.name}" was not measured. This is a bug.`);
  const spread = (value: Value, rows: Dim): Value => {
    const others = shape.map((_, axis) => axis).filter((axis) => axis !== 0 && axis !== layer.channelAxis);
    if (value.type!.shape!.length === shape.length) return value;
    const target = shape.map((_, axis) =>
      axis === 0 ? rows : axis === layer.channelAxis ? layer.channels : 1,
    );
    return builder.op('Unsqueeze', [value, builder.ints(others)], { shape: target });
  };
  const rows = affine.scale.type!.shape![0]!;
  let scale = spread(affine.scale, rows);
  let shift = spread(affine.shift, rows);
  if (share !== 'none' && layer.source) {
    [scale, shift] = applyBatchStatistics(builder, layer, x, { scale, shift }, { share, valid });
  }
  const scaled = builder.op('Mul', [x, scale], { name: `${layer.node.name}_scale`, shape });
  return builder.op('Add', [scaled, shift], { name: `${layer.node.name}_shift`, shape });
}

/**
 * Scale and shift that normalise by the batch's statistics, or by a blend of these and the source's. Both
 * take part in the gradient.
 */
function applyBatchStatistics(
  builder: GraphBuilder,
  layer: AdaptableLayer,
  x: Value,
  { scale, shift }: Affine,
  { share, valid }: BatchStatistics & { readonly share: Exclude<BatchShare, 'none'> },
): [Value, Value] {
  const shape = x.type!.shape!;
  const perChannel = shape.map((_, axis) => (axis === 1 ? layer.channels : 1));
  const full = shape.map((_, axis) =>
    axis === 1 ? layer.channels : axis === 0 ? scale.type!.shape![0]! : 1,
  );
  const average = (value: Value) => averageByChannel(builder, value, perChannel, valid);
  const batchMean = average(x);
  const centred = builder.op('Sub', [x, batchMean], { shape });
  const batchVariance = average(builder.op('Mul', [centred, centred], { shape }));
  const { mean, variance, epsilon } = layer.source!;
  const rest = share === 'all' ? undefined : builder.op('Sub', [1, share], { shape: [] });
  const mixed = (batch: Value, source: Float32Array): Value => {
    if (share === 'all' || rest === undefined) return batch;
    const fixed = builder.constant(float32Constant(perChannel as number[], source), 'source_statistics');
    // A step from one to the other would lose the digits of a batch far smaller than the source.
    const ofSource = builder.op('Mul', [fixed, rest], { shape: perChannel });
    const ofBatch = builder.op('Mul', [batch, share], { shape: perChannel });
    return builder.op('Add', [ofSource, ofBatch], { shape: perChannel });
  };
  const guarded = builder.op('Add', [mixed(batchVariance, variance), epsilon], { shape: perChannel });
  const deviation = builder.op('Sqrt', [guarded], { shape: perChannel });
  const s = builder.op('Div', [scale, deviation], { shape: full });
  const centre = builder.op('Mul', [s, mixed(batchMean, mean)], { shape: full });
  return [s, builder.op('Sub', [shift, centre], { shape: full })];
}

/** The mean of each channel, the second axis, over the rows that count. */
export function averageByChannel(
  builder: GraphBuilder,
  value: Value,
  perChannel: readonly Dim[],
  valid: Valid | undefined,
): Value {
  const mean = (of: Value, axes: readonly number[], shape: readonly Dim[]) =>
    builder.op('ReduceMean', [of, builder.ints(axes)], { attributes: { keepdims: 1 }, shape });
  const shape = value.type!.shape!;
  const places = shape.map((_, axis) => axis).slice(2);
  if (!valid) return mean(value, [0, ...places], perChannel);
  const ofRows = places.length > 0 ? mean(value, places, [shape[0]!, ...perChannel.slice(1)]) : value;
  const sum = sumOfRows(builder, ofRows, valid.weights, { shape: perChannel, keepdims: 1 });
  return builder.op('Div', [sum, valid.count], { shape: perChannel });
}
