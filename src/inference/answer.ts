import type { Delivery } from '../batching/batch-queue.ts';
import type { DescribedVersion, Manifest } from '../models/model.ts';
import type { Prediction } from './inference.ts';
import { entropyNats, softmax, topClasses } from './probabilities.ts';

/** A row's own story beside what the queue tells of it. */
export interface RowStory {
  readonly id: string;
  readonly recipe: string;
  readonly topK: number;
  readonly decodeMs: number;
  readonly totalMs: number;
}

/** As much of a version as its answers tell. */
export interface NamedLabels extends Pick<DescribedVersion, 'name' | 'version'> {
  readonly manifest: Pick<Manifest, 'labels'>;
}

/** Microseconds are the finest that a clock of a busy machine can mean. */
const milliseconds = (value: number): number => Math.round(value * 1000) / 1000;

/**
 * The answer in the shape of the HTTP body. `entropy_before` is that of the model as it is, like `static`; recipes that
 * take the batch's statistics or blur the image differ from it before the first update already.
 */
export function createPrediction(
  { name, version, manifest }: NamedLabels,
  { answer, batch, queueMs, runMs }: Delivery,
  { id, recipe, topK, decodeMs, totalMs }: RowStory,
): Prediction {
  const { logits, staticLogits, entropy, applied, steps } = answer;
  const predictions = topClasses(logits, manifest.labels, topK);
  const asItIs = topClasses(staticLogits, manifest.labels, 1)[0]!;
  return {
    id,
    model: { name, version },
    predictions,
    static: asItIs,
    adaptation: {
      recipe,
      applied,
      steps,
      entropy_before: entropyNats(softmax(staticLogits)),
      entropy_after: entropy.at(-1)!,
      label_changed: predictions[0]!.class !== asItIs.class,
    },
    batch,
    timing_ms: {
      decode: milliseconds(decodeMs),
      queue: milliseconds(queueMs),
      adapt: milliseconds(runMs),
      total: milliseconds(totalMs),
    },
  };
}
