import { createHash } from 'node:crypto';
import type { KeptResult } from '../batching/batch-queue.ts';
import { ServiceError } from '../errors.ts';
import type { PredictRequest } from './inference.ts';

/** The data for writing the answer of a row whose answer may be asked for again. It is kept with the row. */
export interface Memo {
  /** Of the version that answers. */
  readonly content: string;
  readonly recipe: string;
  readonly topK: number;
  readonly trace: boolean;
  readonly decodeMs: number;
  /** Only this caller may ask for it. */
  readonly caller: string;
  /** Of the request. '' where it has no key that another request could have too. */
  readonly fingerprint: string;
}

export const writeMemo = (memo: Memo): string => JSON.stringify(memo);
export const readMemo = (text: string): Memo => JSON.parse(text) as Memo;

/** A request by its key. */
export interface KeyedRequest {
  /** Names the row, without revealing the key. */
  readonly id: string;
  /** Different for requests that ask for different things. */
  readonly fingerprint: string;
}

/** Priority and deadline are left out: a repeated request may be more urgent than the first. */
export function keyedRequest(request: PredictRequest, key: string): KeyedRequest {
  const { caller, model, version, recipe, topK, trace, image } = request;
  const id = createHash('sha256')
    .update(JSON.stringify([caller, key]))
    .digest('base64url');
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([model, version, recipe, topK, ...(trace ? ['trace'] : [])]))
    .update(image)
    .digest('base64url');
  return { id, fingerprint };
}

/** Throws `invalid_request` where the key belongs to a request that asked for something else. */
export function checkFingerprint(memo: string, { fingerprint }: KeyedRequest): void {
  if (readMemo(memo).fingerprint === fingerprint) return;
  throw new ServiceError(
    'invalid_request',
    'The header "Idempotency-Key" has been used for another request: the image, model, recipe, top_k or trace differs.',
  );
}

/** Whether the id is taken: its row was answered or will be. The id of a failed row is free again. */
export const holdsId = (kept: KeptResult | undefined): kept is KeptResult =>
  kept !== undefined && !(kept.outcome instanceof ServiceError);

/** The ids that the queue accepts. */
export const isPredictionId = (id: string): boolean => /^[\w-]{1,64}$/.test(id);

export const unknownPrediction = (): ServiceError =>
  new ServiceError('unknown_prediction', 'There is no prediction with this id, or not any more.');
