import type { Reading } from '../dent/index.ts';
import type { DescribedVersion, Manifest } from '../models/model.ts';
import type { Tensor } from '../tensor.ts';

/** Hears of a request while it is under way, so that it can be told of where it fails. */
export interface ChoiceListener {
  /** What it asks for, with the defaults of its model; `id` where a prediction of that id will be its answer. */
  chosen(choice: {
    readonly id?: string;
    readonly model: { readonly name: string; readonly version: number };
    readonly recipe: string;
  }): void;
  /** Its answer is that of an earlier request with the same idempotency key. */
  replayed(): void;
}

/** What is asked for of images. What is not set has its default in the model's manifest. */
export interface PredictOptions {
  readonly model?: string;
  readonly version?: number;
  readonly recipe?: string;
  /** How many classes to return, 1 to the number of classes. */
  readonly topK?: number;
  readonly timeoutMs?: number;
  /** 1 goes first; 2 where it is not set. */
  readonly priority?: 1 | 2 | 3;
  /** Who asks; rows of coupled recipes are only adapted together for one caller. '' where callers are not told apart. */
  readonly caller: string;
  /** Recipes the caller may use; all where it is not set. */
  readonly recipes?: readonly string[];
  /** Whether the caller is not to learn what the model predicts as it is: recipes that adapt nothing are forbidden then. */
  readonly hidesStatic?: boolean;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
  readonly listener?: ChoiceListener;
}

/** One image to classify. */
export interface PredictRequest extends PredictOptions {
  /**
   * The encoded image: JPEG, PNG, WebP or AVIF. Emptied when it is decoded: whoever waits for the prediction holds the request, and
   * must not hold megabytes for it.
   */
  image: Uint8Array;
  /** Names the request: one of the same caller and key that was answered, or is under way, is not run again. */
  readonly idempotencyKey?: string;
}

/** Images to classify by one choice of model, version and recipe: at least one, at most the model's largest batch. */
export interface PredictEachRequest extends PredictOptions {
  /** Emptied when they are taken, as the image of a `PredictRequest` is. */
  images: readonly Uint8Array[];
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

/** Images that the caller has decoded, for one model. What is not set has its default in the model's manifest. */
export interface RowsRequest {
  /** [N, C, H, W]: pixels as uint8, or float32 normalised as the manifest says. N is at most the model's largest batch. */
  readonly images: Tensor<'float32'> | Tensor<'uint8'>;
  readonly model: string;
  readonly version?: number;
  readonly recipe?: string;
  readonly timeoutMs?: number;
  readonly priority?: 1 | 2 | 3;
  readonly caller: string;
  readonly recipes?: readonly string[];
  /** Whether the caller is not to learn what the model predicts as it is: recipes that adapt nothing are forbidden then. */
  readonly hidesStatic?: boolean;
  readonly signal?: AbortSignal;
  readonly listener?: ChoiceListener;
}

/** The answer to N rows with K classes. They may have been in several batches, whose recipes may have differed. */
export interface RowsPrediction {
  readonly model: { readonly name: string; readonly version: number };
  /** The recipe asked for, and those that were applied. */
  readonly recipe: string;
  readonly applied: readonly string[];
  /** The most updates that a row had. */
  readonly steps: number;
  readonly batches: readonly { readonly id: string; readonly size: number }[];
  /** Of the row that waited longest, and of the batch that ran longest, milliseconds. */
  readonly queueMs: number;
  readonly runMs: number;
  /** [N, K] */
  readonly logits: Tensor<'float32'>;
  readonly staticLogits: Tensor<'float32'>;
  /** Before each update and after the last, in nats, [N, steps + 1]. A row that had fewer updates keeps its last entropy. */
  readonly entropy: Tensor<'float32'>;
  /** Means over the rows: of the model as it is, and after the last update. */
  readonly entropyBefore: number;
  readonly entropyAfter: number;
  /** Rows whose top class adaptation has changed. */
  readonly labelChanges: number;
}

/** How often something was done, and the nanoseconds that it took in all. */
export interface DurationSum {
  readonly count: number;
  readonly ns: number;
}

/**
 * What this process has answered of a version since it was loaded. Durations are those of requests; a request waits as long as its
 * last row, and runs as long as its longest batch.
 */
export interface VersionStatistics {
  readonly name: string;
  readonly version: number;
  /** Milliseconds since the epoch; 0 where there was none. */
  readonly lastInferenceMs: number;
  readonly rows: number;
  /** Runs of the engine, each counted by the share of its rows that this process asked for. */
  readonly batches: number;
  readonly success: DurationSum;
  readonly fail: DurationSum;
  readonly queue: DurationSum;
  readonly computeInput: DurationSum;
  readonly computeInfer: DurationSum;
  readonly computeOutput: DurationSum;
  readonly batchesBySize: readonly (DurationSum & { readonly size: number })[];
}

export interface VersionSummary {
  readonly version: number;
  readonly state: 'loading' | 'ready' | 'failed' | 'unloaded';
  /** Why it failed, what it waits for, or why it is not served as its files are now. */
  readonly reason?: string;
  readonly sha256?: string;
  /** What its file was taken for; absent where engines are elsewhere. */
  readonly reading?: Reading;
}

/** What is known of the manifest is absent where none could be read. */
export interface ModelSummary
  extends Partial<Pick<Manifest, 'description' | 'input' | 'labels' | 'recipes' | 'defaultRecipe'>> {
  readonly name: string;
  /** Why the model's folder as it is now cannot be used. */
  readonly reason?: string;
  readonly versions: readonly VersionSummary[];
  /** The version that serves where a request names none. */
  readonly defaultVersion?: number;
}

/** The use case, as the HTTP room sees it. Every failure is a `ServiceError`. */
export interface Inference {
  predict(request: PredictRequest): Promise<Prediction>;
  /**
   * The prediction of each image, or what it failed with, in order. Rejects where the request itself cannot be answered. Aborting
   * withdraws all images.
   */
  predictEach(request: PredictEachRequest): Promise<readonly (Prediction | Error)[]>;
  /** All rows or none: the first that fails fails the request, and the others are withdrawn. */
  predictRows(request: RowsRequest): Promise<RowsPrediction>;
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
  statistics(version: DescribedVersion): VersionStatistics;
  /** Empty when requests can be answered; otherwise why not, one sentence each. */
  unreadyReasons(): readonly string[];
  /** What an operator should know though requests are taken, one sentence each. */
  warnings(): readonly string[];
}
