import type { Catalogue } from './catalogue.ts';

/** `model` is name:version, `recipe` is the requested one. */
interface Labels {
  readonly model: string;
  readonly recipe: string;
}

export interface InferenceMetrics {
  /** A request was refused because the queue cannot be used. */
  queueUnavailable(): void;
  /** The deadline of a request passed before its image was decoded. */
  expired(): void;
  /** An image was decoded. */
  decoded(seconds: number): void;
  /** The rows of a batch were written into the model's input. */
  preprocessed(seconds: number): void;
  /** The engine adapted to a batch with `steps` updates, and predicted it. */
  adapted(run: Labels & { readonly steps: number; readonly seconds: number }): void;
  /** The engine's output became answers. */
  postprocessed(seconds: number): void;
  /** `rows` rows were answered with another recipe. */
  fellBack(run: Labels & { readonly reason: 'small_batch' | 'nonfinite'; readonly rows: number }): void;
  /** A row has its prediction. Entropies in nats. */
  predicted(
    row: Labels & {
      readonly staticEntropy: number;
      readonly adaptedEntropy: number;
      readonly labelChanged: boolean;
      /** Updates that it made, and the setting that kept it from more. */
      readonly steps: number;
      readonly stoppedBy?: 'gate' | 'floor' | undefined;
    },
  ): void;
}

export function createInferenceMetrics(catalogue: Catalogue): InferenceMetrics {
  const { stageDuration } = catalogue;
  return {
    queueUnavailable: () => catalogue.rejected.inc({ reason: 'queue_unavailable' }),
    expired: () => catalogue.rejected.inc({ reason: 'timeout' }),
    decoded: (seconds) => stageDuration.observe({ stage: 'decode' }, seconds),
    preprocessed: (seconds) => stageDuration.observe({ stage: 'preprocess' }, seconds),
    postprocessed: (seconds) => stageDuration.observe({ stage: 'postprocess' }, seconds),

    adapted({ model, recipe, steps, seconds }) {
      stageDuration.observe({ stage: 'adapt' }, seconds);
      catalogue.adaptDuration.observe({ model, recipe, steps }, seconds);
      if (steps > 0) catalogue.adaptStepDuration.observe({ model, recipe }, seconds / steps);
    },

    fellBack: ({ model, recipe, reason, rows }) => catalogue.fallbacks.inc({ model, recipe, reason }, rows),

    predicted({ model, recipe, staticEntropy, adaptedEntropy, labelChanged, steps, stoppedBy }) {
      catalogue.predictions.inc({ model, recipe });
      if (labelChanged) catalogue.labelChanges.inc({ model, recipe });
      catalogue.rowSteps.observe({ model, recipe }, steps);
      if (stoppedBy) catalogue.rowsStopped.inc({ model, recipe, reason: stoppedBy });
      catalogue.entropy.observe({ model, recipe, phase: 'static' }, staticEntropy);
      catalogue.entropy.observe({ model, recipe, phase: 'adapted' }, adaptedEntropy);
    },
  };
}
