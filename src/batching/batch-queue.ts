import type { ServiceError } from '../errors.ts';

/** What may share a batch: rows of one content and recipe and, for coupled recipes, of one caller. */
export interface Lane {
  readonly model: string;
  readonly version: number;
  /**
   * Names everything that an answer depends on besides the recipe's name, such as the hash of the model file.
   * A version whose files change gets another content, so its rows are not mixed with earlier ones. Letters,
   * digits, `.`, `-` and `_`.
   */
  readonly content: string;
  readonly recipe: string;
  /** Identity of the caller whose rows may be adapted together. '' where rows of all callers may. */
  readonly caller: string;
}

/**
 * The pixels of one image as they travel: uint8 (not yet normalised) or float32 (ready), planar [C, H, W].
 */
export interface RowPayload {
  readonly type: 'uint8' | 'float32';
  readonly data: Uint8Array | Float32Array;
}

/**
 * 1 goes first. A priority shifts a row's place by a fixed time, so that no row waits for ever behind better
 * ones.
 */
export type Priority = 1 | 2 | 3;

export interface RowRequest {
  /** Letters, digits, `-` and `_`, at most 64. Names the row for all processes and for ever. */
  readonly id: string;
  readonly lane: Lane;
  readonly row: RowPayload;
  /**
   * Milliseconds since the epoch. After this the answer is of no use: work not started by then is dropped.
   */
  readonly deadlineMs: number;
  /** The default is 2. */
  readonly priority?: Priority;
  /** W3C `traceparent` of the span that waits for the row, where that is recorded. */
  readonly traceparent?: string;
  /** Set where the outcome can be asked for again. */
  readonly keep?: Keep;
}

export interface Keep {
  /**
   * How long the outcome can be found after it is known, milliseconds. A queue may forget the owner's oldest
   * outcomes earlier.
   */
  readonly ms: number;
  /**
   * The owner of the space that it takes; '' where it is not set. One owner's outcomes never push out
   * another's.
   */
  readonly owner?: string;
  /**
   * Returned with the outcome to each caller who asks: the data to write the answer, or to distinguish the
   * request from others.
   */
  readonly memo: string;
}

/** A row whose outcome can be asked for. */
export interface KeptRequest extends RowRequest {
  readonly keep: Keep;
}

/** A kept row, as `result` finds it. */
export interface KeptResult {
  readonly memo: string;
  /** Absent while the row waits or runs. */
  readonly outcome?: Delivery | ServiceError;
}

/** The engine's answer for one row. */
export interface RowAnswer {
  readonly logits: Float32Array;
  readonly staticLogits: Float32Array;
  /** Entropy before each update and after the last, in nats, [steps + 1]. */
  readonly entropy: Float32Array;
  /**
   * The number of the top class and its probability, before each update and after the last, [steps + 1, 2].
   * Absent where the worker does not tell, such as one of an earlier release.
   */
  readonly top?: Float32Array;
  /** Name of the recipe that was really applied. */
  readonly applied: string;
  /** Number of updates that were really made. */
  readonly steps: number;
}

/** Why a batch started. `drain`: the queue was closing. */
export type BatchReason = 'full' | 'window' | 'drain';

export interface Batch {
  readonly id: string;
  readonly lane: Lane;
  readonly rows: readonly RowRequest[];
  readonly reason: BatchReason;
}

/** A row's answer with the facts about its batch. */
export interface Delivery {
  readonly answer: RowAnswer;
  readonly batch: { readonly id: string; readonly size: number };
  /** From acceptance until the engine begins the batch, milliseconds. */
  readonly queueMs: number;
  /** From when the engine begins the batch to its answer, milliseconds. */
  readonly runMs: number;
  /**
   * The memo of the kept row whose answer this is: of an earlier request with the same id, where there was
   * one.
   */
  readonly memo?: string;
}

/**
 * Answers the rows of a batch, in order. An `Error` in a place fails that row alone. A rejection fails all
 * rows: a `ServiceError` as it is, any other error as `internal`. A rejection with `not_ready` makes other
 * workers try the batch before its rows fail.
 */
export type BatchHandler = (batch: Batch) => Promise<readonly (RowAnswer | Error)[]>;

/** The limits of one lane, from the model's manifest. */
export interface LaneLimits {
  /** At least 1. */
  readonly maxBatchSize: number;
  /** How long the oldest row of an incomplete batch waits for more rows at most, milliseconds. */
  readonly maxDelayMs: number;
  /** Rows of one model and version that may wait. One more is refused with `queue_full`. */
  readonly queueLimit: number;
}

export interface LaneStatus {
  readonly lane: Lane;
  /** Rows that wait and have not started. Lanes without such rows are not listed. */
  readonly depth: number;
  readonly oldestAgeMs: number;
}

/** The side that has rows. Producers and consumers may live in different processes, any number of each. */
export interface BatchProducer {
  /**
   * Settles exactly once: with the row's own answer, or with a `ServiceError`:
   * - `queue_full` at once, with `retryAfterSeconds`, where `queueLimit` rows of the model and version wait
   *   already, or
   *   where recent batches say that those ahead leave no time before the deadline;
   * - `queue_unavailable` where rows travel through a server that cannot be reached, or that has lost this
   *   one;
   * - `timeout` at the deadline, waiting or running, and at once where the deadline has passed before;
   * - `cancelled` when the signal aborts, waiting or running;
   * - `draining` after `close` began;
   * - `internal` when the handler failed the row or its batch.
   *
   * A row that is expired or cancelled before its batch forms is never handed to the handler, and keeps no
   * batch from forming. One that is expired or cancelled later leaves its batch to the other rows.
   *
   * A kept row is not dropped when its signal aborts: the caller leaves, and may come back for the answer. A
   * second one of the same id is not run: it gets the answer of the first, found or waited for until its own
   * deadline. An id whose row failed, or has been forgotten, is free again.
   */
  submit(request: RowRequest, signal?: AbortSignal): Promise<Delivery>;
  /**
   * Resolves when the row is accepted, or was before; `result` then returns the outcome. Rejects as `submit`
   * does where the row is not accepted. `close` waits for these rows where they would be lost with the
   * process.
   */
  enqueue(request: KeptRequest): Promise<void>;
  /**
   * The state of a kept row, whichever producer accepted it. Undefined where there is none, or not any more.
   */
  result(id: string): Promise<KeptResult | undefined>;
  /**
   * Leaves a text that every producer finds under `name` for `ms` milliseconds. It saves memos from repeating
   * it. Rejects with `queue_unavailable`, as `note` does.
   */
  leaveNote(name: string, text: string, ms: number): Promise<void>;
  /** The text that any producer left. Undefined where there is none, or not any more. */
  note(name: string): Promise<string | undefined>;
  /** The rows of all producers that wait now. Answers, or rejects, promptly. */
  status(): Promise<readonly LaneStatus[]>;
  /**
   * Refuses new rows, starts waiting rows at once, and resolves when every accepted row is settled.
   * Idempotent.
   */
  close(): Promise<void>;
}

export interface ConsumeOptions {
  /** How many batches the engine works on at a time. */
  readonly concurrency: number;
  /**
   * How many more batches the handler is given meanwhile, so that their rows are ready when the engine is.
   * None by default. Such a batch is full, and another full one stays behind: nobody would have joined it.
   */
  readonly ahead?: number;
}

/** The side that has an engine. */
export interface BatchConsumer {
  /**
   * Starts handing batches to `handler`, at most `concurrency` at a time and those ahead. Called once.
   *
   * - A batch holds rows of one lane, at most `maxBatchSize`, oldest first. A priority below 1 makes a row
   *   count as
   *   younger by a fixed time for each level.
   * - A batch starts when it is full or its oldest row has waited `maxDelayMs`, and not before the consumer
   *   is free;
   *   under load it takes what has gathered. Among lanes that may start, the one with the oldest row goes
   *   first.
   * - A handler that throws, or answers with the wrong number of rows, fails the rows of that batch and no
   *   others.
   */
  consume(handler: BatchHandler, options: ConsumeOptions): void;
  /** Starts no more batches. Resolves when none runs. Idempotent. */
  close(): Promise<void>;
}

/** Both sides in one process. `close` closes the producer, then the consumer. */
export interface BatchQueue extends BatchProducer, BatchConsumer {}
