import { appendGradients, type Target } from '../autodiff/index.ts';
import {
  appendIf,
  appendLoop,
  DATA_TYPE,
  type Dim,
  type GraphBuilder,
  inline,
  type Value,
  type ValueType,
} from '../onnx/index.ts';
import type { AdaptiveForward } from './adaptive-forward.ts';
import { asDouble, inDoublePrecision, type Loss, rowBelief } from './objective.ts';

/** The image batch, and how it is cut where a pass may go through it in parts. */
export interface Rows {
  /** [N, C, H, W]. */
  readonly image: Value;
  /** How many of the rows count, a float32 scalar. */
  readonly count: Value;
  /** 1 for each row that counts and 0 for each other, [N] float64. Absent: all count. */
  readonly weights?: Value;
  /**
   * How many rows a part has, and how many parts there are (int64 scalar). Absent where rows must stay
   * together.
   */
  readonly parts?: { readonly size: number; readonly count: Value };
}

export interface Prediction {
  /** [N, K]. */
  readonly logits: Value;
  /** [N], nats. */
  readonly entropy: Value;
  /** The number of the top class and its probability, [N, 2]. */
  readonly top: Value;
  /** [R], pixels; present with smoothing. */
  readonly sigma?: Value;
}

export interface PredictionWithGradient extends Prediction {
  /** Gradient of the loss with respect to the parameters, [R, P]. Without meaning where it is not wanted. */
  readonly gradient: Value;
}

/**
 * What the loss is multiplied by while its gradient is computed, so that float16 holds it: `factor`, times
 * the number of rows where the loss is a mean over them.
 */
export interface LossScale {
  readonly factor: number;
  readonly isPerRow: boolean;
}

/** The scalar that an update lowers, float64, and what it has been multiplied by. */
export interface Lost {
  readonly value: Value;
  readonly scale?: Value | number;
}

/** What a pass through the rows must know about the model. */
export interface Method {
  readonly forward: AdaptiveForward;
  /** What an update lowers. */
  readonly loss: Loss;
  readonly lossScale?: LossScale;
  readonly classes: number;
  readonly target: Target;
}

const float = (shape: readonly Dim[]): ValueType => ({ dataType: DATA_TYPE.float32, shape });

/** The forward pass with the given parameters. Rows are taken in parts only without smoothing. */
export function predict(builder: GraphBuilder, method: Method, parameters: Value, rows: Rows): Prediction {
  const pass = (b: GraphBuilder, image: Value) =>
    predictTogether(b, method.forward, parameters, image).prediction;
  if (!rows.parts) return pass(builder, rows.image);
  const results = overParts(builder, 'predict', rows, method.classes, [], (body, image) => ({
    prediction: pass(body, image),
    carried: [],
  }));
  const [logits, entropy, top] = results as [Value, Value, Value];
  return { logits, entropy, top };
}

/** The forward pass, and the gradient of the loss where `wanted`, a bool scalar, holds. */
export function predictWithGradient(
  builder: GraphBuilder,
  method: Method,
  parameters: Value,
  rows: Rows,
  wanted: Value,
): PredictionWithGradient {
  if (!rows.parts) return gradientTogether(builder, method, parameters, rows, wanted);
  const zero = { name: 'gradient', start: builder.op('Mul', [parameters, 0]), type: parameters.type! };
  const sigmaShape = method.forward.graph.outputs[1]?.type?.shape;
  const noSigma = sigmaShape && builder.op('ConstantOfShape', [builder.ints([1])]);
  const extra = noSigma ? [{ name: 'sigma', start: noSigma, type: float(sigmaShape) }] : [];
  const write: WritePart = (body, image, [sum]) => {
    const part = gradientTogether(body, method, parameters, { image, count: rows.count }, wanted);
    const carried = [body.op('Add', [sum!, part.gradient])];
    return { prediction: part, carried: part.sigma ? [...carried, part.sigma] : carried };
  };
  const carried = [zero, ...extra];
  const results = overParts(builder, 'part', rows, method.classes, carried, write);
  const [logits, entropy, top, gradient, sigma] = results as [Value, Value, Value, Value, Value?];
  return { logits, entropy, top, gradient, ...(sigma && { sigma }) };
}

function predictTogether(builder: GraphBuilder, forward: AdaptiveForward, parameters: Value, image: Value) {
  const [logits, sigma] = inline(builder, forward.graph, [image, parameters]) as [Value, Value?];
  const { prediction, ...exact } = exactPrediction(builder, logits);
  return { prediction: { ...prediction, ...(sigma && { sigma }) }, ...exact };
}

/** The prediction that logits are. */
export const predictionOf = (builder: GraphBuilder, logits: Value): Prediction =>
  exactPrediction(builder, logits).prediction;

/** The prediction that logits are, and what it was computed from in float64. */
function exactPrediction(builder: GraphBuilder, logits: Value) {
  const exactLogits = inDoublePrecision(builder, logits);
  const { entropy: exactEntropy, top } = rowBelief(builder, exactLogits);
  const entropy = builder.op('Cast', [exactEntropy], { attributes: { to: DATA_TYPE.float32 } });
  const prediction: Prediction = { logits, entropy, top };
  return { prediction, exactLogits, exactEntropy };
}

function gradientTogether(
  builder: GraphBuilder,
  method: Method,
  parameters: Value,
  rows: Rows,
  wanted: Value,
): PredictionWithGradient {
  const { prediction, lost } = predictWithLoss(builder, method, parameters, rows);
  const options = { name: 'adapt', condition: wanted, otherwise: parameters };
  const gradient = appendIf(builder, options, (branch) =>
    gradientOf(builder, method, lost, parameters, branch),
  );
  return { ...prediction, gradient };
}

/** The forward pass over rows that stay together, and the scalar that an update lowers. */
export function predictWithLoss(
  builder: GraphBuilder,
  { forward, loss, lossScale }: Method,
  parameters: Value,
  { image, count, weights }: Rows,
): { readonly prediction: Prediction; readonly lost: Lost } {
  const { prediction, exactLogits, exactEntropy } = predictTogether(builder, forward, parameters, image);
  const value = loss(builder, { logits: exactLogits, entropy: exactEntropy, rows: count, weights });
  if (!lossScale) return { prediction, lost: { value } };
  const { factor, isPerRow } = lossScale;
  const scale = isPerRow ? builder.op('Mul', [count, factor], { shape: [] }) : factor;
  const exact = typeof scale === 'number' ? scale : asDouble(builder, scale);
  return { prediction, lost: { value: builder.op('Mul', [value, exact], { shape: [] }), scale } };
}

/** Appends to `branch` the gradient of what `predictWithLoss` gave for the loss, [R, P]. */
export function gradientOf(
  builder: GraphBuilder,
  { target }: Method,
  lost: Lost,
  parameters: Value,
  branch: GraphBuilder,
): Value {
  const [gradient] = appendGradients(builder, lost.value, [parameters], target, branch) as [Value];
  return lost.scale === undefined ? gradient : branch.op('Div', [gradient, lost.scale]);
}

interface PartResult {
  readonly prediction: Prediction;
  readonly carried: readonly Value[];
}

type WritePart = (body: GraphBuilder, image: Value, carried: readonly Value[]) => PartResult;

/**
 * Goes through the rows part by part, so that activations stay in the cache and memory does not grow with the
 * batch. Returns the logits, entropies and top classes of all rows, then all else carried from part to part.
 */
function overParts(
  builder: GraphBuilder,
  name: string,
  rows: Rows,
  classes: number,
  carried: readonly { readonly name: string; readonly start: Value; readonly type: ValueType }[],
  write: WritePart,
): Value[] {
  const { size, count } = rows.parts!;
  const none = (shape: readonly number[]) => builder.op('ConstantOfShape', [builder.ints(shape)]);
  const gathered = [
    { name: 'logits', start: none([0, classes]), type: float(['rows_so_far', classes]) },
    { name: 'entropy', start: none([0]), type: float(['rows_so_far']) },
    { name: 'top', start: none([0, 2]), type: float(['rows_so_far', 2]) },
  ];
  return appendLoop(
    builder,
    { name, trips: count, carried: [...gathered, ...carried] },
    (body, trip, values) => {
      const [logits, entropy, top, ...others] = values as [Value, Value, Value, ...Value[]];
      const first = body.op('Mul', [body.op('Unsqueeze', [trip, body.ints([0])]), body.ints([size])]);
      const end = body.op('Add', [first, body.ints([size])]);
      // Slice stops at the last row by itself, so the last part may be smaller.
      const image = body.op('Slice', [rows.image, first, end, body.ints([0])], {
        shape: rows.image.type!.shape!,
      });
      const { prediction: now, carried: next } = write(body, image, others);
      const join = (before: Value, part: Value) =>
        body.op('Concat', [before, part], { attributes: { axis: 0 } });
      const soFar = [join(logits, now.logits), join(entropy, now.entropy), join(top, now.top)];
      return { carried: [...soFar, ...next] };
    },
  );
}
