import { DATA_TYPE, type Dim, type GraphBuilder, type Value } from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';

/** Which rows of a padded batch count. */
export interface Valid {
  /** How many: an int64 scalar, and the same as float32. */
  readonly size: Value;
  readonly count: Value;
  /** Whether a row counts, [N] bool. */
  readonly counts: Value;
  /** 1 for each row that counts and 0 for each other, [N] float32, and the same as float64. */
  readonly weights: Value;
  readonly exactWeights: Value;
}

/**
 * The images of a batch whose last rows only fill it up, and which rows count. The first row takes the place
 * of each row that does not: whatever the caller fills with, even what is no number, is never read.
 */
export function withoutFilling(
  builder: GraphBuilder,
  image: Value,
  size: Value,
): { readonly image: Value; readonly valid: Valid } {
  const rows = builder.op('Gather', [builder.op('Shape', [image]), builder.int(0)]);
  const numbers = builder.op('Range', [builder.int(0), rows, builder.int(1)]);
  const counts = builder.op('Less', [numbers, size]);
  const taken = builder.op('Where', [counts, numbers, builder.int(0)]);
  const weights = (to: number, name: string): Value =>
    builder.op('Cast', [counts], { name, attributes: { to }, shape: [BATCH] });
  return {
    image: builder.op('Gather', [image, taken], { name: image.name, shape: image.type!.shape! }),
    valid: {
      size,
      counts,
      count: builder.op('Cast', [size], { name: 'rows', attributes: { to: DATA_TYPE.float32 }, shape: [] }),
      weights: weights(DATA_TYPE.float32, 'row_weights'),
      exactWeights: weights(DATA_TYPE.float64, 'exact_row_weights'),
    },
  };
}

/** The sum over the rows of `value`, [N, ...], that count; `shape` is the result's, without the rows. */
export function sumOfRows(
  builder: GraphBuilder,
  value: Value,
  weights: Value,
  { shape, keepdims = 0 }: { readonly shape: readonly Dim[]; readonly keepdims?: 0 | 1 },
): Value {
  const full = value.type!.shape!;
  const behind = full.slice(1).map((_, i) => i + 1);
  const wide =
    behind.length > 0
      ? builder.op('Unsqueeze', [weights, builder.ints(behind)], { shape: [BATCH, ...behind.map(() => 1)] })
      : weights;
  const weighted = builder.op('Mul', [value, wide], { shape: full });
  return builder.op('ReduceSum', [weighted, builder.ints([0])], { attributes: { keepdims }, shape });
}
