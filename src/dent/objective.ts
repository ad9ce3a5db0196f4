import { DATA_TYPE, type Dim, type GraphBuilder, type Value } from '../onnx/index.ts';
import type { Recipe } from './recipe.ts';

/** Added inside the logarithm of the information-maximisation objective, as the paper's code does. */
const INFOMAX_EPSILON = 1e-5;

/**
 * Logits in float64. Entropy and objective are small sums with cancellation, and optimizers that divide a gradient by its own size amplify their
 * rounding; in float64 they cost nothing beside the network and leave it the only source of noise.
 */
export function inDoublePrecision(builder: GraphBuilder, logits: Value): Value {
  return builder.op('Cast', [logits], { attributes: { to: DATA_TYPE.float64 }, shape: logits.type!.shape! });
}

/** The entropy of each row's prediction in nats, [N] float64 (paper, equation 3). `logits` is [N, K] float64. */
export function rowEntropy(builder: GraphBuilder, logits: Value): Value {
  const shape = logits.type!.shape!;
  const p = builder.op('Softmax', [logits], { attributes: { axis: 1 }, shape });
  const logP = builder.op('LogSoftmax', [logits], { attributes: { axis: 1 }, shape });
  const sum = sumOverClasses(builder, builder.op('Mul', [p, logP], { shape }), [shape[0]!]);
  return builder.op('Neg', [sum], { name: 'row_entropy', shape: [shape[0]!] });
}

function sumOverClasses(builder: GraphBuilder, value: Value, shape: readonly Dim[]): Value {
  return builder.op('ReduceSum', [value, builder.ints([-1])], { attributes: { keepdims: 0 }, shape });
}

/** The scalar that adaptation lowers. `entropy` is [N], `rows` the float32 number of rows at hand. */
export function objective(
  builder: GraphBuilder,
  recipe: Recipe,
  logits: Value,
  entropy: Value,
  rows: Value,
): Value {
  if (recipe.objective === 'infomax') return infomax(builder, logits);
  const total = builder.op('ReduceSum', [entropy], { attributes: { keepdims: 0 }, shape: [] });
  const asDouble = () => builder.op('Cast', [rows], { attributes: { to: DATA_TYPE.float64 } });
  const divisor = recipe.rows === 'batch' ? asDouble() : recipe.rows;
  return builder.op('Div', [total, divisor], { name: 'objective', shape: [] });
}

/** Mean row entropy minus the entropy of the mean prediction (Liang et al. 2020, as in the paper's dent+). */
function infomax(builder: GraphBuilder, logits: Value): Value {
  const [n, k] = logits.type!.shape! as [Dim, Dim];
  const p = builder.op('Softmax', [logits], { attributes: { axis: 1 }, shape: [n, k] });
  const q = builder.op('ReduceMean', [p, builder.ints([0])], { attributes: { keepdims: 0 }, shape: [k] });
  const negative = sumOverClasses(builder, timesLog(builder, p, [n, k]), [n]);
  const mean = builder.op('ReduceMean', [negative, builder.ints([0])], {
    attributes: { keepdims: 0 },
    shape: [],
  });
  const diversity = sumOverClasses(builder, timesLog(builder, q, [k]), []);
  return builder.op('Sub', [diversity, mean], { name: 'objective', shape: [] });
}

function timesLog(builder: GraphBuilder, p: Value, shape: readonly Dim[]): Value {
  const guarded = builder.op('Add', [p, INFOMAX_EPSILON], { shape });
  return builder.op('Mul', [p, builder.op('Log', [guarded], { shape })], { shape });
}
