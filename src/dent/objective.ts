import { DATA_TYPE, type Dim, type GraphBuilder, type Value } from '../onnx/index.ts';
import { sumOfRows } from './padding.ts';

/** Added inside the logarithm of the information-maximisation objective, as the paper's code does. */
const INFOMAX_EPSILON = 1e-5;

/**
 * Logits in float64. Entropy and objective are small sums with cancellation, and optimizers that divide a
 * gradient by its own size amplify their rounding errors. Float64 costs nothing here beside the network, and
 * leaves the network as the only source of noise.
 */
export function inDoublePrecision(builder: GraphBuilder, logits: Value): Value {
  return builder.op('Cast', [logits], { attributes: { to: DATA_TYPE.float64 }, shape: logits.type!.shape! });
}

/** What rows believe, as numbers that say it shortly. */
interface Belief {
  /** In nats, [N] float64 (paper, equation 3). */
  readonly entropy: Value;
  /** The number of the most probable class and its probability, [N, 2] float32. */
  readonly top: Value;
}

/** The entropy of each row's prediction, and its top class. `logits` is [N, K] float64. */
export function rowBelief(builder: GraphBuilder, logits: Value): Belief {
  const p = probabilitiesOf(builder, logits);
  const shape: readonly Dim[] = [p.type!.shape![0]!, 1];
  const most = builder.op('ReduceMax', [p, builder.ints([-1])], { attributes: { keepdims: 1 }, shape });
  // Of the logits, as answers count it: different logits may have probabilities that round to the same.
  const place = builder.op('ArgMax', [logits], { attributes: { axis: 1, keepdims: 1 } });
  const number = builder.op('Cast', [place], { attributes: { to: DATA_TYPE.float32 }, shape });
  const probability = builder.op('Cast', [most], { attributes: { to: DATA_TYPE.float32 }, shape });
  const pair = [shape[0]!, 2];
  const top = builder.op('Concat', [number, probability], { attributes: { axis: 1 }, shape: pair });
  return { entropy: entropyOf(builder, logits, p), top };
}

/** The entropy of each row's prediction in nats, [N] float64. `logits` is [N, K] float64. */
export const rowEntropy = (builder: GraphBuilder, logits: Value): Value =>
  entropyOf(builder, logits, probabilitiesOf(builder, logits));

const probabilitiesOf = (builder: GraphBuilder, logits: Value): Value =>
  builder.op('Softmax', [logits], { attributes: { axis: 1 }, shape: logits.type!.shape! });

function entropyOf(builder: GraphBuilder, logits: Value, p: Value): Value {
  const shape = logits.type!.shape!;
  const logP = builder.op('LogSoftmax', [logits], { attributes: { axis: 1 }, shape });
  const sum = sumOverClasses(builder, builder.op('Mul', [p, logP], { shape }), [shape[0]!]);
  return builder.op('Neg', [sum], { name: 'row_entropy', shape: [shape[0]!] });
}

function sumOverClasses(builder: GraphBuilder, value: Value, shape: readonly Dim[]): Value {
  return builder.op('ReduceSum', [value, builder.ints([-1])], { attributes: { keepdims: 0 }, shape });
}

/** What a loss is computed from. */
export interface Predicted {
  /** [N, K] float64. */
  readonly logits: Value;
  /** Of each row, in nats, [N] float64. */
  readonly entropy: Value;
  /** The number of rows, a float32 scalar. */
  readonly rows: Value;
  /** 1 for each row that counts and 0 for each other, [N] float64. Absent: all count. */
  readonly weights?: Value | undefined;
}

/** Writes the float64 scalar that adaptation lowers. */
export type Loss = (builder: GraphBuilder, predicted: Predicted) => Value;

/** What the sum over rows is divided by. */
type Divisor = number | 'batch';

/** What adaptation lowers. */
interface Objective {
  /**
   * Whether a row's gradient depends on its batch-mates. It does not where the objective is a sum over rows.
   */
  readonly couplesRows: boolean;
  /** The fewest rows for which the objective means something. */
  readonly rowsMin: number;
  readonly loss: (divisor: Divisor) => Loss;
}

export const OBJECTIVES = {
  entropy: { couplesRows: false, rowsMin: 1, loss: meanEntropy },
  /** On one row it is identically zero, and a few rows say little about the mean prediction. */
  infomax: { couplesRows: true, rowsMin: 8, loss: () => infomax },
} as const satisfies Record<string, Objective>;

/** The loss of a recipe. */
export const lossOf = ({
  objective,
  rows,
}: {
  readonly objective: keyof typeof OBJECTIVES;
  readonly rows: Divisor;
}): Loss => OBJECTIVES[objective].loss(rows);

/** A scalar in float64. */
export const asDouble = (builder: GraphBuilder, value: Value): Value =>
  builder.op('Cast', [value], { attributes: { to: DATA_TYPE.float64 }, shape: [] });

function meanEntropy(divisor: Divisor): Loss {
  return (builder, { entropy, rows, weights }) => {
    const total = weights
      ? sumOfRows(builder, entropy, weights, { shape: [] })
      : builder.op('ReduceSum', [entropy], { attributes: { keepdims: 0 }, shape: [] });
    const by = divisor === 'batch' ? asDouble(builder, rows) : divisor;
    return builder.op('Div', [total, by], { name: 'objective', shape: [] });
  };
}

/** Mean row entropy minus the entropy of the mean prediction (Liang et al. 2020, as in the paper's dent+). */
function infomax(builder: GraphBuilder, { logits, rows, weights }: Predicted): Value {
  const [n, k] = logits.type!.shape! as [Dim, Dim];
  const meanOf = (value: Value, shape: readonly Dim[]): Value => {
    if (!weights)
      return builder.op('ReduceMean', [value, builder.ints([0])], { attributes: { keepdims: 0 }, shape });
    const sum = sumOfRows(builder, value, weights, { shape });
    return builder.op('Div', [sum, asDouble(builder, rows)], { shape });
  };
  const p = builder.op('Softmax', [logits], { attributes: { axis: 1 }, shape: [n, k] });
  const q = meanOf(p, [k]);
  const negative = sumOverClasses(builder, timesLog(builder, p, [n, k]), [n]);
  const mean = meanOf(negative, []);
  const diversity = sumOverClasses(builder, timesLog(builder, q, [k]), []);
  return builder.op('Sub', [diversity, mean], { name: 'objective', shape: [] });
}

function timesLog(builder: GraphBuilder, p: Value, shape: readonly Dim[]): Value {
  const guarded = builder.op('Add', [p, INFOMAX_EPSILON], { shape });
  return builder.op('Mul', [p, builder.op('Log', [guarded], { shape })], { shape });
}
