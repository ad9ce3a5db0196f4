import type { DescribedVersion, Manifest } from '../models/model.ts';

/** One image to classify. Everything beside the bytes is optional and has its default in the model's manifest. */
export interface PredictRequest {
  /** The encoded image: JPEG, PNG or WebP. */
  readonly image: Uint8Array;
  readonly model?: string;
  readonly version?: number;
  readonly recipe?: string;
  /** How many classes to return, 1 to the number of classes. */
  readonly topK?: number;
  readonly timeoutMs?: number;
  /** 1 goes first; 2 where it is not set. */
  readonly priority?: 1 | 2 | 3;
  /** Names the request: one of the same caller and key that was answered, or is under way, is not run again. */
  readonly idempotencyKey?: string;
  /** Who asks; rows of coupled recipes are only adapted together for one caller. '' where callers are not told apart. */
  readonly caller: string;
  /** Recipes the caller may use; all where it is not set. */
  readonly recipes?: readonly string[];
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

export interface ClassProbability {
  readonly class: number;
  readonly label: string;
  readonly probability: number;
}

/** The answer, in the shape of the HTTP body. Entropies in nats, times in milliseconds. */
export interface Prediction {
  readonly id: string;
  readonly model: { readonly name: string; readonly version: number };
  /** The top classes after adaptation, most probable first. */
  readonly predictions: readonly ClassProbability[];
  /** The top class of the model as it is. */
  readonly static: ClassProbability;
  readonly adaptation: {
    /** The recipe asked for, and the one that was applied. */
    readonly recipe: string;
    readonly applied: string;
    readonly steps: number;
    readonly entropy_before: number;
    readonly entropy_after: number;
    readonly label_changed: boolean;
  };
  readonly batch: { readonly id: string; readonly size: number };
  readonly timing_ms: {
    readonly decode: number;
    readonly queue: number;
    readonly adapt: number;
    readonly total: number;
  };
}

/** Where a prediction stands that nobody waits for. */
export interface AcceptedPrediction {
  readonly id: string;
  readonly status: 'pending' | 'done';
}

export type VersionState = 'loading' | 'ready' | 'failed';

export interface ModelSummary {
  readonly name: string;
  readonly description: string;
  readonly versions: readonly {
    readonly version: number;
    readonly state: VersionState;
    readonly reason?: string;
    readonly sha256?: string;
  }[];
  /** The version that serves where a request names none. */
  readonly defaultVersion?: number;
  readonly input: Manifest['input'];
  readonly labels: readonly string[];
  readonly recipes: Manifest['recipes'];
  readonly defaultRecipe: string;
}

/** The use case, as the HTTP room sees it. Every failure is a `ServiceError`. */
export interface Inference {
  predict(request: PredictRequest): Promise<Prediction>;
  /** Resolves when the image waits for its batch; `prediction` tells the rest. */
  accept(request: PredictRequest): Promise<AcceptedPrediction>;
  /**
   * What became of a prediction of this caller that was accepted, or that had an idempotency key. Rejects with
   * `unknown_prediction` where the caller has none of this id, or no more, and with what the prediction failed with.
   */
  prediction(id: string, caller: string): Promise<Prediction | AcceptedPrediction>;
  models(): readonly ModelSummary[];
  model(name: string): ModelSummary;
  /** The version of that number, or the one that serves by default. Throws `unknown_model` or `not_ready`. */
  version(model: string, version?: number): DescribedVersion;
  /** Empty when requests can be answered; otherwise why not, one sentence each. */
  unreadyReasons(): readonly string[];
}
