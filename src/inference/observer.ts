import type { StoppedBy } from '../dent/index.ts';

/** Why a row was answered with another recipe than requested. */
export type FallbackReason = 'small_batch' | 'nonfinite';

/** The result of a batch, or of a part that was run on its own. */
export interface BatchRun {
  readonly batch: string;
  /** name:version */
  readonly model: string;
  /** The requested recipe. */
  readonly recipe: string;
  readonly reason: 'full' | 'window' | 'drain';
  readonly rows: number;
  /** Since the engine began it. */
  readonly seconds: number;
  /** The processes that ran it, each once. */
  readonly engines: readonly number[];
  /** Absent where the run failed as a whole. */
  readonly outcome?: BatchOutcome;
}

export interface BatchOutcome {
  /** The recipe that was applied, and its number of updates. */
  readonly applied: string;
  readonly steps: number;
  /** Updates that the rows made, the mean over the answered rows. */
  readonly meanSteps?: number;
  /** Means over the answered rows, in nats. Absent where no row was answered. */
  readonly staticEntropy?: number;
  readonly adaptedEntropy?: number;
  readonly labelsChanged: number;
  /** Rows whose adaptation diverged. The unadapted model has answered them. */
  readonly diverged: number;
  /** Rows without an answer. */
  readonly failed: number;
}

/** What the use case reports to be counted. `model` is name:version, `recipe` is the requested one. */
export interface InferenceObserver {
  /** A request was refused because the queue cannot be used, before it became a row. */
  queueUnavailable(): void;
  /** The deadline of a request passed before its image became a row. */
  expired(): void;
  /** An image became a row. */
  decoded(seconds: number): void;
  /** The rows of a batch were written into the model's input. */
  preprocessed(seconds: number): void;
  /** The engine adapted to a batch and predicted it, in `seconds` since it began. */
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
    /** Updates that the row made, and what kept it from more: see `stoppedBy`. */
    readonly steps: number;
    readonly stoppedBy?: StoppedBy | undefined;
  }): void;
  /** A batch was run. One that kills engines is tried in parts, and each part is told. */
  ran(run: BatchRun): void;
}
