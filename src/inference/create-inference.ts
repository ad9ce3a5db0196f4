import { randomUUID } from 'node:crypto';
import type { BatchProducer, Delivery, KeptRequest, RowRequest } from '../batching/batch-queue.ts';
import { ServiceError } from '../errors.ts';
import type { ImageDecoder } from '../images/index.ts';
import type { ModelRepository } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import { inSpan } from '../spans.ts';
import { createPrediction } from './answer.ts';
import { checkRecipe, chooseModel, chooseNumber, chooseRecipe, chooseVersion } from './choose.ts';
import type {
  AcceptedPrediction,
  Inference,
  Prediction,
  PredictRequest,
  RowsPrediction,
  RowsRequest,
} from './inference.ts';
import {
  checkFingerprint,
  holdsId,
  isPredictionId,
  type KeyedRequest,
  keyedRequest,
  type Memo,
  readMemo,
  unknownPrediction,
  writeMemo,
} from './kept.ts';
import { laneOf } from './lane.ts';
import type { InferenceObserver } from './observer.ts';
import { predictRows } from './predict-rows.ts';
import { createStatistics } from './statistics.ts';
import { modelReasons, summarize } from './summary.ts';
import { traceQueue } from './traced-queue.ts';
import { within } from './within.ts';

export interface InferenceQueue extends Pick<BatchProducer, 'submit' | 'enqueue' | 'result'> {
  /** Why rows cannot be queued now, where the queue is not in this process. */
  unreadyReasons?(): readonly string[];
}

export interface InferenceDeps {
  readonly models: ModelRepository<DescribedVersion>;
  readonly queue: InferenceQueue;
  readonly decoder: ImageDecoder;
  readonly observer: Pick<InferenceObserver, 'queueUnavailable' | 'expired' | 'decoded'>;
}

export interface InferenceOptions {
  /** How long predictions that may be asked for again are kept, milliseconds. */
  readonly keepMs: number;
}

const TOP_K = 5;
const NO_IMAGE = new Uint8Array();

export interface RunningInference extends Inference {
  /** Resolves when no prediction is under way. */
  idle(): Promise<void>;
}

/** What a request asks for, with the defaults of its model. */
interface Choice {
  readonly version: DescribedVersion;
  readonly recipe: string;
  readonly topK: number;
  readonly deadlineMs: number;
}

/** The use case: one image in, its adapted prediction out. */
export function createInference(
  { models, queue, decoder, observer }: InferenceDeps,
  { keepMs }: InferenceOptions,
): RunningInference {
  const rows = traceQueue(queue);
  const statistics = createStatistics();
  const underWay = new Set<Promise<unknown>>();
  const queueReasons = (): readonly string[] => queue.unreadyReasons?.() ?? [];

  function choose(request: PredictRequest): Choice {
    const model = chooseModel(models, request.model ?? models.defaultModel);
    const version = chooseVersion(model, request.version);
    const recipe = chooseRecipe(version, request.recipe);
    checkRecipe(recipe, request);
    const { labels, batching } = version.manifest;
    const topK = chooseNumber('top_k', request.topK, labels.length, Math.min(TOP_K, labels.length));
    // A longer wait than the operator allows is refused, not cut short without a word.
    const timeoutMs = chooseNumber('timeout_ms', request.timeoutMs, batching.timeoutMs, batching.timeoutMs);
    return { version, recipe, topK, deadlineMs: Date.now() + timeoutMs };
  }

  /** Does the work while the version stays, whatever becomes of the repository. */
  async function holding<T>(version: DescribedVersion, work: () => Promise<T>): Promise<T> {
    const hold = models.hold(version.content);
    try {
      return await work();
    } finally {
      hold?.letGo();
    }
  }

  /** Before the work of decoding an image that nobody could take. */
  function requireQueue(): void {
    if (queueReasons().length === 0) return;
    observer.queueUnavailable();
    throw new ServiceError('queue_unavailable', 'The queue cannot be used at present.', {
      retryAfterSeconds: 1,
    });
  }

  async function createRow(
    id: string,
    request: PredictRequest,
    { version, recipe, deadlineMs }: Choice,
  ): Promise<{ row: RowRequest; decodeMs: number }> {
    requireQueue();
    if (request.signal?.aborted) throw new ServiceError('cancelled', 'The request was cancelled.');
    const started = performance.now();
    const decoding = inSpan('decode', { 'dent.image.bytes': request.image.length }, () => {
      const pixels = decoder.decode(request.image, version.manifest.input);
      request.image = NO_IMAGE;
      return pixels;
    });
    // Many large photographs may wait for each other longer than their callers do.
    const pixels = await within(deadlineMs, decoding).catch((error) => {
      if (error instanceof ServiceError && error.code === 'timeout') observer.expired();
      throw error;
    });
    const decodeMs = performance.now() - started;
    observer.decoded(decodeMs / 1000);
    const row: RowRequest = {
      id,
      lane: laneOf(version, recipe, request.caller),
      row: { type: 'uint8', data: pixels },
      deadlineMs,
      ...(request.priority !== undefined && { priority: request.priority }),
    };
    return { row, decodeMs };
  }

  async function createKeptRow(
    { id, fingerprint }: KeyedRequest,
    request: PredictRequest,
    choice: Choice,
  ): Promise<KeptRequest> {
    const { row, decodeMs } = await createRow(id, request, choice);
    const { version, recipe, topK } = choice;
    const { caller } = request;
    const memo: Memo = { content: version.content, recipe, topK, decodeMs, caller, fingerprint };
    return { ...row, keep: { ms: keepMs, memo: writeMemo(memo) } };
  }

  /** The same for every caller who asks, so the times are those of the row and not of the request. */
  function keptPrediction(id: string, memo: string, delivery: Delivery): Prediction {
    const { content, recipe, topK, decodeMs } = readMemo(memo);
    const version = models.describe(content);
    if (version === undefined) throw unknownPrediction();
    const totalMs = decodeMs + delivery.queueMs + delivery.runMs;
    return createPrediction(version, delivery, { id, recipe, topK, decodeMs, totalMs });
  }

  async function predict(request: PredictRequest): Promise<Prediction> {
    const startedMs = performance.now();
    const choice = choose(request);
    return holding(choice.version, () =>
      countFailures(choice.version, startedMs, () => {
        if (request.idempotencyKey === undefined) return predictNew(request, choice, startedMs);
        return predictOnce(request, choice, keyedRequest(request, request.idempotencyKey), startedMs);
      }),
    );
  }

  async function countFailures<T>(
    version: DescribedVersion,
    startedMs: number,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      statistics.failed(version, performance.now() - startedMs);
      throw error;
    }
  }

  async function predictNew(request: PredictRequest, choice: Choice, startedMs: number): Promise<Prediction> {
    const id = randomUUID();
    const { row, decodeMs } = await createRow(id, request, choice);
    const delivery = await rows.submit(row, request.signal);
    const { version, recipe, topK } = choice;
    return counted(version, delivery, decodeMs, startedMs, () => {
      const totalMs = performance.now() - startedMs;
      return createPrediction(version, delivery, { id, recipe, topK, decodeMs, totalMs });
    });
  }

  /** The prediction that `write` makes of the delivery, counted. */
  function counted(
    version: DescribedVersion,
    delivery: Delivery,
    inputMs: number,
    startedMs: number,
    write: () => Prediction,
  ): Prediction {
    const deliveredMs = performance.now();
    const prediction = write();
    const endMs = performance.now();
    const times = { inputMs, outputMs: endMs - deliveredMs, totalMs: endMs - startedMs };
    statistics.answered(version, { deliveries: [delivery], ...times });
    return prediction;
  }

  async function predictTensor(request: RowsRequest): Promise<RowsPrediction> {
    const startedMs = performance.now();
    const version = chooseVersion(chooseModel(models, request.model), request.version);
    return holding(version, () =>
      countFailures(version, startedMs, async () => {
        requireQueue();
        return predictRows({ queue: rows, statistics }, version, request, startedMs);
      }),
    );
  }

  async function predictOnce(
    request: PredictRequest,
    choice: Choice,
    keyed: KeyedRequest,
    startedMs: number,
  ): Promise<Prediction> {
    requireQueue();
    const { id } = keyed;
    const earlier = await queue.result(id);
    if (holdsId(earlier)) {
      checkFingerprint(earlier.memo, keyed);
      const { memo, outcome } = earlier;
      if (outcome && !(outcome instanceof ServiceError)) return keptPrediction(id, memo, outcome);
    }
    const row = await createKeptRow(keyed, request, choice);
    const delivery = await rows.submit(row, request.signal);
    // Another request with the key may have come in between.
    const memo = delivery.memo ?? row.keep.memo;
    checkFingerprint(memo, keyed);
    return counted(choice.version, delivery, readMemo(memo).decodeMs, startedMs, () =>
      keptPrediction(id, memo, delivery),
    );
  }

  async function accept(request: PredictRequest): Promise<AcceptedPrediction> {
    const choice = choose(request);
    return holding(choice.version, () => {
      requireQueue();
      const { idempotencyKey } = request;
      if (idempotencyKey === undefined) return acceptNew(request, choice);
      return acceptOnce(request, choice, keyedRequest(request, idempotencyKey));
    });
  }

  async function acceptNew(request: PredictRequest, choice: Choice): Promise<AcceptedPrediction> {
    const id = randomUUID();
    await rows.enqueue(await createKeptRow({ id, fingerprint: '' }, request, choice));
    return { id, status: 'pending' };
  }

  async function acceptOnce(
    request: PredictRequest,
    choice: Choice,
    keyed: KeyedRequest,
  ): Promise<AcceptedPrediction> {
    const { id } = keyed;
    const earlier = await queue.result(id);
    if (holdsId(earlier)) {
      checkFingerprint(earlier.memo, keyed);
      return { id, status: earlier.outcome ? 'done' : 'pending' };
    }
    await rows.enqueue(await createKeptRow(keyed, request, choice));
    const accepted = await queue.result(id);
    if (holdsId(accepted)) checkFingerprint(accepted.memo, keyed);
    return { id, status: 'pending' };
  }

  function track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
    return tracked;
  }

  return {
    predict: (request) => track(predict(request)),
    predictRows: (request) => track(predictTensor(request)),
    accept: (request) => track(accept(request)),
    async prediction(id, caller) {
      if (!isPredictionId(id)) throw unknownPrediction();
      requireQueue();
      const kept = await queue.result(id);
      if (kept === undefined || readMemo(kept.memo).caller !== caller) throw unknownPrediction();
      const { memo, outcome } = kept;
      if (outcome === undefined) return { id, status: 'pending' };
      if (outcome instanceof ServiceError) throw outcome;
      return keptPrediction(id, memo, outcome);
    },
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    models: () => models.models().map(summarize),
    model: (name) => summarize(chooseModel(models, name)),
    version: (model, version) => chooseVersion(chooseModel(models, model), version),
    statistics: (version) => statistics.of(version),
    unreadyReasons: () => [...modelReasons(models), ...queueReasons()],
  };
}
