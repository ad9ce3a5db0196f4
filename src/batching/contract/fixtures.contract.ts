import { onTestFinished } from 'vitest';
import type {
  Batch,
  BatchConsumer,
  BatchProducer,
  KeptRequest,
  Lane,
  LaneLimits,
  RowAnswer,
  RowRequest,
} from '../batch-queue.ts';
import type { QueueObserver } from '../queue-observer.ts';

export interface SubjectOptions {
  readonly limitsOf: (lane: Lane) => LaneLimits;
  readonly observer?: QueueObserver;
  /** Outcomes that are kept, of each owner at least. */
  readonly keptLimit?: number;
}

/**
 * A fresh, empty queue. Its sides may be one object or live far apart. `close` frees whatever is left of
 * both.
 */
export interface Subject {
  readonly producer: BatchProducer;
  readonly consumer: BatchConsumer;
  close(): Promise<void>;
}

export type CreateSubject = (options: SubjectOptions) => Promise<Subject>;

/** How much another process's clock may be ahead, and how much later a busy machine acts. */
export const EARLY_MS = 5;
export const LATE_MS = 10_000;

export const LIMITS: LaneLimits = { maxBatchSize: 4, maxDelayMs: 30, queueLimit: 64 };
/** A window that no test waits for. */
export const LONG_MS = 20_000;

export const lane = (changes: Partial<Lane> = {}): Lane => ({
  model: 'digits',
  version: 1,
  recipe: 'isolated',
  content: `${changes.model ?? 'digits'}-${changes.version ?? 1}`,
  caller: '',
  ...changes,
});

export async function open(
  create: CreateSubject,
  limits: Partial<LaneLimits> | ((lane: Lane) => Partial<LaneLimits>) = {},
  observer?: QueueObserver,
  options: Pick<SubjectOptions, 'keptLimit'> = {},
): Promise<Subject> {
  const changes = typeof limits === 'function' ? limits : () => limits;
  const limitsOf = (of: Lane) => ({ ...LIMITS, ...changes(of) });
  const subject = await create({ limitsOf, ...(observer && { observer }), ...options });
  onTestFinished(() => subject.close());
  return subject;
}

let requests = 0;

/** A request that no other test makes. The pixels are its number, so its answer differs from all others. */
export function request(changes: { lane?: Lane; timeoutMs?: number } = {}): RowRequest {
  requests += 1;
  return {
    id: `row-${requests}`,
    lane: changes.lane ?? lane(),
    row: { type: 'float32', data: Float32Array.of(requests, requests / 7) },
    deadlineMs: Date.now() + (changes.timeoutMs ?? 15_000),
  };
}

export const makeRequests = (count: number, changes: { lane?: Lane; timeoutMs?: number } = {}) =>
  Array.from({ length: count }, () => request(changes));

/** A request whose outcome is kept. */
export function kept(
  changes: { id?: string; lane?: Lane; timeoutMs?: number; keepMs?: number; memo?: string } = {},
): KeptRequest {
  const { id: _id, keepMs = 5_000, memo = 'a memo: {"top_k":5}\nünd so weiter', ...rest } = changes;
  const plain = request(rest);
  return { ...plain, id: changes.id ?? plain.id, keep: { ms: keepMs, memo } };
}

/** The answer of the test handlers: a pure function of the row. */
export function answerOf({ row }: RowRequest): RowAnswer {
  const logits = Float32Array.from(row.data);
  return {
    logits,
    staticLogits: logits.map((value) => -value),
    entropy: logits.map((value) => value / 2),
    top: logits.map((value) => value / 3),
    applied: 'isolated',
    steps: 1,
  };
}

export interface TestWorker {
  /** The batches it was handed, in order. */
  readonly batches: readonly Batch[];
  /** The largest number of batches it worked on at a time. */
  readonly peak: number;
  /** Lets the batches at hand and all later ones be answered. */
  release(): void;
}

/** Consumes with a handler that records. While it is held, it keeps the batches it is given. */
export function startWorker(
  consumer: BatchConsumer,
  options: {
    concurrency?: number;
    ahead?: number;
    held?: boolean;
    respond?: (batch: Batch) => readonly (RowAnswer | Error)[];
  } = {},
): TestWorker {
  const { concurrency = 1, ahead = 0, held = false, respond = (batch) => batch.rows.map(answerOf) } = options;
  const batches: Batch[] = [];
  let running = 0;
  let peak = 0;
  let release = (): void => {};
  const gate = held ? new Promise<void>((resolve) => (release = resolve)) : undefined;
  onTestFinished(() => release());
  consumer.consume(
    async (batch) => {
      batches.push(batch);
      running += 1;
      peak = Math.max(peak, running);
      await gate;
      running -= 1;
      return respond(batch);
    },
    { concurrency, ahead },
  );
  return {
    batches,
    get peak() {
      return peak;
    },
    release: () => release(),
  };
}

export const idsOf = (batch: Batch): string[] => batch.rows.map((row) => row.id);

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
