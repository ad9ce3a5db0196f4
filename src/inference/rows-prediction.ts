import type { Delivery, RowAnswer } from '../batching/batch-queue.ts';
import type { DescribedVersion } from '../models/model.ts';
import { float32, type Tensor } from '../tensor.ts';
import type { RowsPrediction } from './inference.ts';
import { entropyNats, softmax, topClass } from './probabilities.ts';

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function stack(rows: readonly Float32Array[]): Tensor<'float32'> {
  const size = rows[0]!.length;
  const data = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) data.set(row, i * size);
  return float32([rows.length, size], data);
}

/**
 * The entropies of each row, [N, updates + 1]. A row with fewer updates than another repeats its last
 * entropy.
 */
function stackEntropies(answers: readonly RowAnswer[]): Tensor<'float32'> {
  const length = Math.max(...answers.map(({ entropy }) => entropy.length));
  return stack(
    answers.map(({ entropy }) =>
      entropy.length === length
        ? entropy
        : Float32Array.from({ length }, (_, i) => entropy[Math.min(i, entropy.length - 1)]!),
    ),
  );
}

/** The answer to the rows of one request, which may have been in several batches. */
export function createRowsPrediction(
  { name, version }: DescribedVersion,
  recipe: string,
  deliveries: readonly Delivery[],
): RowsPrediction {
  const answers = deliveries.map(({ answer }) => answer);
  const batches = new Map(deliveries.map(({ batch }) => [batch.id, batch]));
  return {
    model: { name, version },
    recipe,
    applied: [...new Set(answers.map(({ applied }) => applied))],
    steps: Math.max(...answers.map(({ steps }) => steps)),
    batches: [...batches.values()],
    queueMs: Math.max(...deliveries.map(({ queueMs }) => queueMs)),
    runMs: Math.max(...deliveries.map(({ runMs }) => runMs)),
    logits: stack(answers.map(({ logits }) => logits)),
    staticLogits: stack(answers.map(({ staticLogits }) => staticLogits)),
    entropy: stackEntropies(answers),
    entropyBefore: mean(answers.map(({ staticLogits }) => entropyNats(softmax(staticLogits)))),
    entropyAfter: mean(answers.map(({ entropy }) => entropy.at(-1)!)),
    labelChanges: answers.filter(({ logits, staticLogits }) => topClass(logits) !== topClass(staticLogits))
      .length,
  };
}
