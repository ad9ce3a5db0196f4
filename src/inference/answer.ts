import type { Delivery, RowAnswer } from '../batching/batch-queue.ts';
import type { DescribedVersion, Manifest } from '../models/model.ts';
import type { ClassProbability, Prediction } from './inference.ts';
import { entropyNats, softmax, topClasses } from './probabilities.ts';

/** The facts about a row that the queue does not report. */
export interface RowFacts {
  readonly id: string;
  readonly recipe: string;
  readonly topK: number;
  /** Whether the prediction has a trace. */
  readonly trace?: boolean;
  readonly decodeMs: number;
  readonly totalMs: number;
}

/** The part of a version that its answers mention. */
export interface NamedLabels extends Pick<DescribedVersion, 'name' | 'version'> {
  readonly manifest: Pick<Manifest, 'labels'>;
}

/** A busy machine's clock is not more exact than microseconds. */
const milliseconds = (value: number): number => Math.round(value * 1000) / 1000;

/** What the row believed before the first update and after each that it made. */
function stepsOf({ entropy, top, steps }: RowAnswer, labels: readonly string[]) {
  const entropies = [...entropy.subarray(0, steps + 1)];
  if (top === undefined) return { entropies };
  const at = (step: number): ClassProbability => {
    const [index, probability] = top.subarray(2 * step) as Float32Array & [number, number];
    return { class: index, label: labels[index]!, probability };
  };
  return { entropies, top: entropies.map((_, step) => at(step)) };
}

/**
 * The answer in the shape of the HTTP body. `entropy_before` is that of the unadapted model, like `static`.
 * Recipes that use the batch's statistics or blur the image differ from it even before the first update.
 */
export function createPrediction(
  { name, version, manifest }: NamedLabels,
  { answer, batch, queueMs, runMs }: Delivery,
  { id, recipe, topK, trace = false, decodeMs, totalMs }: RowFacts,
): Prediction {
  const { logits, staticLogits, applied, steps, entropy } = answer;
  const predictions = topClasses(logits, manifest.labels, topK);
  const asItIs = topClasses(staticLogits, manifest.labels, trace ? topK : 1);
  return {
    id,
    model: { name, version },
    predictions,
    static: asItIs[0]!,
    adaptation: {
      recipe,
      applied,
      steps,
      entropy_before: entropyNats(softmax(staticLogits)),
      entropy_after: entropy.at(-1)!,
      label_changed: predictions[0]!.class !== asItIs[0]!.class,
    },
    ...(trace && { trace: { ...stepsOf(answer, manifest.labels), static: asItIs } }),
    batch,
    timing_ms: {
      decode: milliseconds(decodeMs),
      queue: milliseconds(queueMs),
      adapt: milliseconds(runMs),
      total: milliseconds(totalMs),
    },
  };
}
