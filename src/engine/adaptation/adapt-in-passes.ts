import { float32, type Tensor } from '../../tensor.ts';
import type { AdaptedRows } from './adaptation.ts';

/** The state that one pass leaves for the next. */
export interface PassState {
  /** [tensors, parameters]. */
  readonly carried: Tensor<'float32'>;
  /** Over the rows of the whole batch, [1, parameters]. */
  readonly gradient: Tensor<'float32'>;
  /** How many updates are made when the pass predicts. */
  readonly updates: number;
  /** Number of rows in the whole batch. */
  readonly batchRows: number;
  /** Whether another update follows. */
  readonly adapt: boolean;
}

/** What one pass answers for all rows. */
export interface PassResult {
  /** [N, K]. */
  readonly logits: Tensor<'float32'>;
  /** In nats, [N]. */
  readonly entropy: Tensor<'float32'>;
  /** The top class and its probability, [N, 2]. */
  readonly top?: Tensor<'float32'>;
  /** After the pass's update. */
  readonly carried: Tensor<'float32'>;
  /** The sum over all rows, [1, parameters]. */
  readonly gradient: Tensor<'float64'>;
}

/**
 * Adapts to `batchRows` rows that share `parameters` parameters, in `steps` + 1 passes. Each pass first makes
 * the update with the last pass's gradients. The gradient is the sum over rows in float64, so it hardly
 * matters how a batch is cut.
 */
export async function adaptInPasses(
  pass: (state: PassState) => Promise<PassResult>,
  [tensors, parameters]: readonly [number, number],
  batchRows: number,
  steps: number,
): Promise<AdaptedRows> {
  let carried = float32([tensors, parameters], new Float32Array(tensors * parameters));
  let gradient = float32([1, parameters], new Float32Array(parameters));
  const logits: Tensor<'float32'>[] = [];
  const tops: Tensor<'float32'>[] = [];
  const entropy = new Float32Array((steps + 1) * batchRows);
  for (let updates = 0; updates <= steps; updates++) {
    const result = await pass({ carried, gradient, updates, batchRows, adapt: updates < steps });
    carried = result.carried;
    gradient = float32([1, parameters], Float32Array.from(result.gradient.data));
    entropy.set(result.entropy.data, updates * batchRows);
    if (result.top) tops.push(result.top);
    if (updates === 0 || updates === steps) logits.push(result.logits);
  }
  return {
    logits: logits.at(-1)!,
    staticLogits: logits[0]!,
    entropy: float32([steps + 1, batchRows], entropy),
    ...(tops.length > 0 && { top: linesOf(tops) }),
  };
}

/** [N, k] of each pass to [steps + 1, N, k]. */
function linesOf(passes: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const { dims, data } = passes[0]!;
  const lines = new Float32Array(passes.length * data.length);
  for (const [i, pass] of passes.entries()) lines.set(pass.data, i * data.length);
  return float32([passes.length, ...dims], lines);
}
