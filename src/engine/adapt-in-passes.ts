import { float32, type Tensor } from '../tensor.ts';
import { joinRows } from './batch-parts.ts';
import type { AdaptedRows } from './engine.ts';
import type { PassResult, PassState } from './messages.ts';

/** Runs one pass over all rows and resolves with the answers for its parts, in their order. */
export type Pass = (state: PassState) => Promise<readonly PassResult[]>;

/**
 * Adapts to `batchRows` rows that share `parameters` parameters: `steps` + 1 passes, each of which first makes the update that the gradients of
 * the last one call for. The parts' gradients are added in float64, so that how a batch is cut makes next to no difference.
 */
export async function adaptInPasses(
  pass: Pass,
  [tensors, parameters]: readonly [number, number],
  batchRows: number,
  steps: number,
): Promise<AdaptedRows> {
  let carried = float32([tensors, parameters], new Float32Array(tensors * parameters));
  let gradient = float32([1, parameters], new Float32Array(parameters));
  const logits: Tensor<'float32'>[] = [];
  const entropy = new Float32Array((steps + 1) * batchRows);
  for (let updates = 0; updates <= steps; updates++) {
    const answers = await pass({ carried, gradient, updates, batchRows, adapt: updates < steps });
    carried = answers[0]!.carried;
    gradient = float32([1, parameters], sum(answers.map((answer) => answer.gradient)));
    entropy.set(joinRows(answers.map((answer) => answer.entropy)).data, updates * batchRows);
    if (updates === 0 || updates === steps) logits.push(joinRows(answers.map((answer) => answer.logits)));
  }
  return {
    logits: logits.at(-1)!,
    staticLogits: logits[0]!,
    entropy: float32([steps + 1, batchRows], entropy),
  };
}

function sum(shares: readonly Float64Array[]): Float32Array {
  const total = new Float64Array(shares[0]!.length);
  for (const share of shares)
    share.forEach((value, i) => {
      total[i]! += value;
    });
  return Float32Array.from(total);
}
