import type { Reading } from '../dent/index.ts';
import type { DescribedVersion, Manifest } from '../models/model.ts';
import type { Tensor } from '../tensor.ts';

/** Hears about a request while it is under way, so that the log can mention these facts even if it fails. */
export interface ChoiceListener {
  /**
   * What the request asks for, with its model's defaults. `id` is given where its answer will be a prediction
   * with that id.
   */
  chosen(choice: {
    readonly id?: string;
    readonly model: { readonly name: string; readonly version: number };
    readonly recipe: string;
  }): void;
  /** The answer is that of an earlier request with the same idempotency key. */
  replayed(): void;
}

/** What every request may say. The model's manifest has the defaults. */
interface RequestOptions {
  readonly version?: number;
  readonly recipe?: string;
  readonly timeoutMs?: number;
  /** 1 goes first; the default is 2. */
  readonly priority?: 1 | 2 | 3;
  /**
   * The caller's name. Coupled recipes adapt only rows of one caller together. '' where callers are not told
   * apart.
   */
  readonly caller: string;
  /** Recipes the caller may use; all where it is not set. */
  readonly recipes?: readonly string[];
  /**
   * Whether the caller must not learn what the unadapted model predicts. Recipes that adapt nothing are
   * forbidden then.
   */
  readonly hidesStatic?: boolean;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
  readonly listener?: ChoiceListener;
}

/** What a request for predictions asks for. */
export interface PredictOptions extends RequestOptions {
  readonly model?: string;
  /** How many classes to return, 1 to the number of classes. */
  readonly topK?: number;
  /** Whether the prediction says what each step of the adaptation changed. */
  readonly trace?: boolean;
}

/** One image to classify. */
export interface PredictRequest extends PredictOptions {
  /**
   * The encoded image: JPEG, PNG, WebP or AVIF. It is emptied when it is decoded: the request lives until its
   * prediction is ready, and must not hold megabytes for so long.
   */
  image: Uint8Array;
  /**
   * Names the request. If a request of the same caller with the same key was answered or is under way, it
   * does not run again.
   */
  readonly idempotencyKey?: string;
}

/** Images for one choice of model, version and recipe: at least one, at most the model's largest batch. */
export interface PredictEachRequest extends PredictOptions {
  /** Emptied when they are taken, like the image of a `PredictRequest`. */
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
  /** The top class of the unadapted model. */
  readonly static: ClassProbability;
  readonly adaptation: {
    /** The requested recipe, and the one that was applied. */
    readonly recipe: string;
    readonly applied: string;
    readonly steps: number;
    readonly entropy_before: number;
    readonly entropy_after: number;
    readonly label_changed: boolean;
  };
  /** Where it was asked for. */
  readonly trace?: {
    /** Before the first update and after each, as many as `steps` and one. */
    readonly entropies: readonly number[];
    /** The top class at each of them. Absent where a worker of an earlier release answered. */
    readonly top?: readonly ClassProbability[];
    /** The top classes of the model as it is, as many as of `predictions`. */
    readonly static: readonly ClassProbability[];
  };
  readonly batch: { readonly id: string; readonly size: number };
  readonly timing_ms: {
    readonly decode: number;
    readonly queue: number;
    readonly adapt: number;
    readonly total: number;
  };
}

/** The status of a prediction that no request waits for. */
export interface AcceptedPrediction {
  readonly id: string;
  readonly status: 'pending' | 'done';
}

/** Images that the caller has decoded, for one model. */
export interface RowsRequest extends RequestOptions {
  readonly model: string;
  /**
   * [N, C, H, W]: pixels as uint8, or float32 normalised as the manifest says. N is at most the model's
   * largest batch.
   */
  readonly images: Tensor<'float32'> | Tensor<'uint8'>;
}

/** The answer to N rows with K classes. They may have been in several batches with different recipes. */
export interface RowsPrediction {
  readonly model: { readonly name: string; readonly version: number };
  /** The requested recipe, and those that were applied. */
  readonly recipe: string;
  readonly applied: readonly string[];
  /** The largest number of updates of a row. */
  readonly steps: number;
  readonly batches: readonly { readonly id: string; readonly size: number }[];
  /** The wait of the row that waited longest, and the run of the batch that ran longest, milliseconds. */
  readonly queueMs: number;
  readonly runMs: number;
  /** [N, K] */
  readonly logits: Tensor<'float32'>;
  readonly staticLogits: Tensor<'float32'>;
  /**
   * Before each update and after the last, in nats, [N, steps + 1]. A row that had fewer updates keeps its
   * last entropy.
   */
  readonly entropy: Tensor<'float32'>;
  /** Means over the rows: of the unadapted model, and after the last update. */
  readonly entropyBefore: number;
  readonly entropyAfter: number;
  /** Rows whose top class was changed by adaptation. */
  readonly labelChanges: number;
}

/** How often something was done, and how many nanoseconds that took in all. */
export interface DurationSum {
  readonly count: number;
  readonly ns: number;
}

/**
 * The answers of a version since it was loaded. Durations are those of requests: a request waits
 * as long as its last row, and runs as long as its longest batch.
 */
export interface VersionStatistics {
  readonly name: string;
  readonly version: number;
  /** Milliseconds since the epoch; 0 where there was none. */
  readonly lastInferenceMs: number;
  readonly rows: number;
  /** Runs of the engine. Each counts by the share of its rows that was asked for here. */
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
  /** Why it failed, what it waits for, or why its current files are not served. */
  readonly reason?: string;
  readonly sha256?: string;
  /** How its file was understood. Absent where engines are in other processes. */
  readonly reading?: Reading;
}

/** The parts of the manifest are absent where no manifest could be read. */
export interface ModelSummary
  extends Partial<Pick<Manifest, 'description' | 'input' | 'labels' | 'recipes' | 'defaultRecipe'>> {
  readonly name: string;
  /** Why the model's folder cannot be used as it is now. */
  readonly reason?: string;
  readonly versions: readonly VersionSummary[];
  /** The version for requests that name none. */
  readonly defaultVersion?: number;
}

/** The use case, as the HTTP room sees it. Every failure is a `ServiceError`. */
export interface Inference {
  predict(request: PredictRequest): Promise<Prediction>;
  /**
   * The prediction of each image, or its error, in order. Rejects where the request itself cannot be
   * answered. Aborting withdraws all images.
   */
  predictEach(request: PredictEachRequest): Promise<readonly (Prediction | Error)[]>;
  /** All rows or none: the first failure fails the request, and the other rows are withdrawn. */
  predictRows(request: RowsRequest): Promise<RowsPrediction>;
  /** Resolves when the image waits for its batch. `prediction` then returns the result. */
  accept(request: PredictRequest): Promise<AcceptedPrediction>;
  /**
   * The state of a prediction of this caller that was accepted, or that had an idempotency key. Rejects with
   * `unknown_prediction` where the caller has none with this id, or has it no longer, and with the
   * prediction's own error where it failed.
   */
  prediction(id: string, caller: string): Promise<Prediction | AcceptedPrediction>;
  models(): readonly ModelSummary[];
  model(name: string): ModelSummary;
  /** The version and the recipe that a request means. Throws what a prediction would reject with. */
  choose(request: PredictOptions): { readonly version: DescribedVersion; readonly recipe: string };
  /** The version of that number, or the one that serves by default. Throws `unknown_model` or `not_ready`. */
  version(model: string, version?: number): DescribedVersion;
  statistics(version: DescribedVersion): VersionStatistics | Promise<VersionStatistics>;
  /** Empty when requests can be answered; otherwise why not, one sentence each. */
  unreadyReasons(): readonly string[];
  /** Warnings for an operator while requests are taken, one sentence each. */
  warnings(): readonly string[];
}
