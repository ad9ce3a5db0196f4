import type { RowRequest } from '../batching/batch-queue.ts';
import { ServiceError } from '../errors.ts';
import type { ImageDecoder } from '../images/index.ts';
import type { ModelRepository } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import { inSpan } from '../spans.ts';
import {
  checkRecipe,
  chooseModel,
  chooseNumber,
  chooseRecipe,
  chooseTimeout,
  chooseVersion,
} from './choose.ts';
import type { PredictOptions, PredictRequest } from './inference.ts';
import { laneOf } from './lane.ts';
import type { InferenceObserver } from './observer.ts';
import { within } from './within.ts';

export interface AdmissionDeps {
  readonly models: ModelRepository<DescribedVersion>;
  /** Why rows cannot be queued now. */
  readonly queueReasons: () => readonly string[];
  /** The error for any row now, where callers can be told why. */
  readonly refusal: () => ServiceError | undefined;
  readonly decoder: ImageDecoder;
  readonly observer: Pick<InferenceObserver, 'queueUnavailable' | 'expired' | 'decoded'>;
}

/** What a request asks for, with its model's defaults filled in. */
export interface Choice {
  readonly version: DescribedVersion;
  readonly recipe: string;
  readonly topK: number;
  readonly trace: boolean;
  readonly deadlineMs: number;
}

/** A row that can be queued, and how long its image took to be decoded. */
export interface DecodedRow {
  readonly row: RowRequest;
  readonly decodeMs: number;
}

/** The way of an image from its request to a row of the queue. Every failure is a `ServiceError`. */
export interface Admission {
  choose(request: PredictOptions): Choice;
  /**
   * Throws `queue_unavailable` where no row could be queued. Asked once of a request, before the work of
   * decoding.
   */
  requireQueue(): void;
  /** Decodes the image. The request no longer holds it then. */
  createRow(id: string, request: PredictRequest, choice: Choice): Promise<DecodedRow>;
}

const TOP_K = 5;
const NO_IMAGE = new Uint8Array();

export function createAdmission({
  models,
  queueReasons,
  refusal,
  decoder,
  observer,
}: AdmissionDeps): Admission {
  function choose(request: PredictOptions): Choice {
    const model = chooseModel(models, request.model ?? models.defaultModel);
    const version = chooseVersion(model, request.version);
    const recipe = chooseRecipe(version, request.recipe);
    checkRecipe(version, recipe, request);
    const { labels, batching } = version.manifest;
    const topK = chooseNumber('top_k', request.topK, labels.length, Math.min(TOP_K, labels.length));
    const deadlineMs = Date.now() + chooseTimeout(request.timeoutMs, batching.timeoutMs);
    return { version, recipe, topK, trace: request.trace === true, deadlineMs };
  }

  function requireQueue(): void {
    if (queueReasons().length === 0) return;
    observer.queueUnavailable();
    const general = 'The queue cannot be used at present.';
    throw refusal() ?? new ServiceError('queue_unavailable', general, { retryAfterSeconds: 1 });
  }

  async function createRow(
    id: string,
    request: PredictRequest,
    { version, recipe, deadlineMs }: Choice,
  ): Promise<DecodedRow> {
    const started = performance.now();
    const decode = (signal: AbortSignal) =>
      inSpan('decode', { 'dent.image.bytes': request.image.length }, () => {
        const pixels = decoder.decode(request.image, version.manifest.input, signal);
        request.image = NO_IMAGE;
        return pixels;
      });
    // Many large photographs may wait for each other longer than their callers wait.
    const pixels = await within({ deadlineMs, signal: request.signal }, decode).catch((error) => {
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

  return { choose, requireQueue, createRow };
}
