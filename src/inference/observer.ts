/** Why a row was answered otherwise than its recipe says. */
export type FallbackReason = 'small_batch' | 'nonfinite';

/** What the use case tells whoever counts. `model` is name:version, `recipe` the one asked for. */
export interface InferenceObserver {
  /** A request was refused because the queue cannot be used, before a row was made of it. */
  queueUnavailable(): void;
  /** An image became a row. */
  decoded(seconds: number): void;
  /** The rows of a batch were written into the model's input. */
  preprocessed(seconds: number): void;
  /** The engine adapted to a batch and predicted it. */
  adapted(run: {
    readonly model: string;
    readonly recipe: string;
    readonly steps: number;
    readonly seconds: number;
  }): void;
  /** The engine's output for a batch became answers. */
  postprocessed(seconds: number): void;
  /** `rows` rows were answered with another recipe. */
  fellBack(run: {
    readonly model: string;
    readonly recipe: string;
    readonly reason: FallbackReason;
    readonly rows: number;
  }): void;
  /** A row of a batch has its prediction. Entropies in nats. */
  predicted(row: {
    readonly model: string;
    readonly recipe: string;
    readonly staticEntropy: number;
    readonly adaptedEntropy: number;
    readonly labelChanged: boolean;
  }): void;
}
