import { randomUUID } from 'node:crypto';
import type { BatchProducer, Delivery, KeptRequest } from '../batching/batch-queue.ts';
import { ServiceError } from '../errors.ts';
import type { ModelRepository } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import type { Admission, Choice } from './admission.ts';
import { createPrediction, type NamedLabels } from './answer.ts';
import { tellChoice } from './choice-listener.ts';
import type { AcceptedPrediction, Prediction, PredictRequest } from './inference.ts';
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
import { createKeptLabels } from './kept-labels.ts';
import { enqueueRow, submitRow } from './submit-rows.ts';

export interface KeptPredictionsDeps {
  readonly models: Pick<ModelRepository<DescribedVersion>, 'describe'>;
  readonly queue: Pick<BatchProducer, 'submit' | 'enqueue' | 'result' | 'leaveNote' | 'note'>;
  readonly admission: Admission;
}

/** A kept row's delivery, and a function that writes its prediction. */
export interface KeptDelivery {
  readonly delivery: Delivery;
  readonly decodeMs: number;
  readonly write: () => Prediction;
}

/**
 * Predictions that can be asked for again: by an idempotency key, or by the id of one that no request waited
 * for.
 */
export interface KeptPredictions {
  /**
   * The prediction of an earlier request with the key, or the delivery of the row that runs for this request.
   */
  predictOnce(request: PredictRequest, choice: Choice, key: string): Promise<Prediction | KeptDelivery>;
  accept(request: PredictRequest, choice: Choice): Promise<AcceptedPrediction>;
  /** Rejects with `unknown_prediction`, and with the prediction's own error where it failed. */
  prediction(id: string, caller: string): Promise<Prediction | AcceptedPrediction>;
}

/** Keeps them for `keepMs` milliseconds. */
export function createKeptPredictions(
  { models, queue, admission }: KeptPredictionsDeps,
  keepMs: number,
): KeptPredictions {
  const labels = createKeptLabels(models, queue, keepMs);

  async function createKeptRow(
    { id, fingerprint }: KeyedRequest,
    request: PredictRequest,
    choice: Choice,
  ): Promise<KeptRequest> {
    const { row, decodeMs } = await admission.createRow(id, request, choice);
    const { version, recipe, topK, trace } = choice;
    const { caller } = request;
    const memo: Memo = { content: version.content, recipe, topK, trace, decodeMs, caller, fingerprint };
    await labels.keep(version);
    return { ...row, keep: { ms: keepMs, memo: writeMemo(memo), owner: caller } };
  }

  /** Every caller who asks gets the same, so the times are those of the row and not of the request. */
  function write(version: NamedLabels, id: string, memo: string, delivery: Delivery): Prediction {
    const { recipe, topK, trace, decodeMs } = readMemo(memo);
    const totalMs = decodeMs + delivery.queueMs + delivery.runMs;
    return createPrediction(version, delivery, { id, recipe, topK, trace, decodeMs, totalMs });
  }

  async function labelsOf(memo: string): Promise<NamedLabels> {
    const found = await labels.of(readMemo(memo).content);
    if (found === undefined) throw unknownPrediction();
    return found;
  }

  async function predictOnce(
    request: PredictRequest,
    choice: Choice,
    key: string,
  ): Promise<Prediction | KeptDelivery> {
    admission.requireQueue();
    const keyed = keyedRequest(request, key);
    const { id } = keyed;
    tellChoice(request, choice, id);
    const earlier = await queue.result(id);
    if (holdsId(earlier)) {
      checkFingerprint(earlier.memo, keyed);
      const { memo, outcome } = earlier;
      if (outcome && !(outcome instanceof ServiceError)) {
        const version = await labelsOf(memo);
        request.listener?.replayed();
        return write(version, id, memo, outcome);
      }
    }
    const row = await createKeptRow(keyed, request, choice);
    const delivery = await submitRow(queue, row, request.signal);
    // Another request with the key may have come in between.
    const memo = delivery.memo ?? row.keep.memo;
    checkFingerprint(memo, keyed);
    const { decodeMs } = readMemo(memo);
    const version = await labelsOf(memo);
    if (memo !== row.keep.memo) request.listener?.replayed();
    return { delivery, decodeMs, write: () => write(version, id, memo, delivery) };
  }

  async function acceptNew(request: PredictRequest, choice: Choice): Promise<AcceptedPrediction> {
    const id = randomUUID();
    tellChoice(request, choice, id);
    await enqueueRow(queue, await createKeptRow({ id, fingerprint: '' }, request, choice));
    return { id, status: 'pending' };
  }

  async function acceptOnce(
    request: PredictRequest,
    choice: Choice,
    keyed: KeyedRequest,
  ): Promise<AcceptedPrediction> {
    const { id } = keyed;
    tellChoice(request, choice, id);
    const earlier = await queue.result(id);
    if (holdsId(earlier)) {
      checkFingerprint(earlier.memo, keyed);
      request.listener?.replayed();
      return { id, status: earlier.outcome ? 'done' : 'pending' };
    }
    await enqueueRow(queue, await createKeptRow(keyed, request, choice));
    const accepted = await queue.result(id);
    if (holdsId(accepted)) checkFingerprint(accepted.memo, keyed);
    return { id, status: 'pending' };
  }

  return {
    predictOnce,
    accept(request, choice) {
      const { idempotencyKey } = request;
      if (idempotencyKey === undefined) return acceptNew(request, choice);
      return acceptOnce(request, choice, keyedRequest(request, idempotencyKey));
    },
    async prediction(id, caller) {
      if (!isPredictionId(id)) throw unknownPrediction();
      admission.requireQueue();
      const kept = await queue.result(id);
      if (kept === undefined || readMemo(kept.memo).caller !== caller) throw unknownPrediction();
      const { memo, outcome } = kept;
      if (outcome === undefined) return { id, status: 'pending' };
      if (outcome instanceof ServiceError) throw outcome;
      return write(await labelsOf(memo), id, memo, outcome);
    },
  };
}
