import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { PRESETS } from '../../src/dent/index.ts';
import { ServiceError } from '../../src/errors.ts';
import { createImageDecoder } from '../../src/images/index.ts';
import type {
  AcceptedPrediction,
  ClassProbability,
  Inference,
  ModelSummary,
  PredictEachRequest,
  Prediction,
  PredictRequest,
  RowsRequest,
} from '../../src/inference/inference.ts';
import type { DescribedVersion } from '../../src/models/model.ts';
import { float32 } from '../../src/tensor.ts';

const LABELS = ['red', 'green', 'blue'];
const SIZE = 4;
const MAX_BATCH_SIZE = 8;

const MODEL = {
  name: 'colours',
  description: 'Says which colour an image has most of.',
  versions: [
    { version: 1, state: 'ready', sha256: 'ab'.repeat(32) },
    { version: 2, state: 'ready', sha256: 'cd'.repeat(32) },
    { version: 3, state: 'failed', reason: 'The graph is broken.' },
  ],
  defaultVersion: 2,
  input: {
    width: SIZE,
    height: SIZE,
    channels: 'rgb',
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    fit: 'cover',
  },
  labels: LABELS,
  recipes: { 'dent+': PRESETS['dent+'] },
  defaultRecipe: 'dent+',
} satisfies ModelSummary;

const describedVersion = (version: number): DescribedVersion => ({
  name: MODEL.name,
  version,
  sha256: 'ab'.repeat(32),
  tensors: { input: 'pixels', output: 'scores' },
  content: 'colours',
  manifest: {
    ...MODEL,
    shareBatches: false,
    batching: { maxBatchSize: MAX_BATCH_SIZE, maxDelayMs: 2.5, queueLimit: 64, timeoutMs: 5000 },
  },
});

export interface PixelInference extends Inference {
  /** Every request that came, in order. */
  readonly requests: readonly PredictRequest[];
  readonly rowsRequests: readonly RowsRequest[];
  /** Predictions of images that have begun but not ended. */
  readonly underWay: number;
  readonly eachRequests: readonly PredictEachRequest[];
  /** How long a prediction takes, milliseconds. */
  delayMs: number;
  /** The error of the next prediction. */
  failWith: Error | undefined;
  reasons: string[];
  warned: string[];
}

/**
 * A model without a network. It decodes the image, and the shares of red, green and blue are its
 * probabilities. For a tensor the sums of the channels are the logits, and their negatives are those of the
 * unadapted model.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: small functions around one state they share.
export function createPixelInference(): PixelInference {
  const decoder = createImageDecoder({ maxPixels: 1_000_000 });
  const requests: PredictRequest[] = [];
  const rowsRequests: RowsRequest[] = [];
  const eachRequests: PredictEachRequest[] = [];

  async function classes(image: Uint8Array): Promise<ClassProbability[]> {
    const pixels = await decoder.decode(image, MODEL.input);
    const plane = SIZE * SIZE;
    const sums = LABELS.map((_, c) => pixels.subarray(c * plane, (c + 1) * plane).reduce((a, b) => a + b, 1));
    const total = sums.reduce((a, b) => a + b, 0);
    return sums
      .map((sum, c) => ({ class: c, label: LABELS[c]!, probability: sum / total }))
      .sort((a, b) => b.probability - a.probability);
  }

  const model = (name: string): ModelSummary => {
    if (name !== MODEL.name) {
      throw new ServiceError('unknown_model', `There is no model "${name}"; the models are ${MODEL.name}.`);
    }
    return MODEL;
  };

  /** By id: accepted predictions, pending until their answer is there. */
  const accepted = new Map<string, { caller: string; outcome: Prediction | AcceptedPrediction | Error }>();

  /** By idempotency key. */
  const answered = new Map<string, Prediction>();

  const inference: PixelInference & { underWay: number } = {
    requests,
    rowsRequests,
    underWay: 0,
    eachRequests,
    delayMs: 0,
    failWith: undefined,
    reasons: [],
    warned: [],
    async predict(request) {
      const { recipe = 'dent+', topK = 3, trace = false, timeoutMs = 5000, version = 2, signal } = request;
      requests.push(request);
      const failure = inference.failWith;
      inference.failWith = undefined;
      if (failure !== undefined) throw failure;
      model(request.model ?? MODEL.name);
      if (!MODEL.versions.some((each) => each.version === version)) {
        throw new ServiceError('unknown_model', `The model "${MODEL.name}" has no version ${version}.`);
      }
      if (request.recipes?.includes(recipe) === false) {
        throw new ServiceError('forbidden', `The recipe "${recipe}" may not be used.`);
      }
      if (!Object.hasOwn(MODEL.recipes, recipe)) {
        throw new ServiceError('unknown_recipe', `The model "${MODEL.name}" has no recipe "${recipe}".`);
      }
      if (topK > LABELS.length) {
        throw new ServiceError(
          'invalid_request',
          `The parameter "top_k" must be a whole number from 1 to 3.`,
        );
      }
      const id = randomUUID();
      request.listener?.chosen({ id, model: { name: MODEL.name, version }, recipe });
      const { idempotencyKey } = request;
      const earlier = idempotencyKey === undefined ? undefined : answered.get(idempotencyKey);
      if (earlier) {
        request.listener?.replayed();
        return earlier;
      }
      const started = performance.now();
      inference.underWay++;
      const predictions = await classes(request.image).finally(() => inference.underWay--);
      const decode = performance.now() - started;
      inference.underWay++;
      await wait(Math.min(inference.delayMs, timeoutMs), undefined, signal && { signal })
        .catch((cause) => {
          throw new ServiceError('cancelled', 'The request was cancelled.', { cause });
        })
        .finally(() => inference.underWay--);
      if (inference.delayMs > timeoutMs) throw new ServiceError('timeout', 'The deadline passed.');
      const entropy = -predictions.reduce((sum, { probability: p }) => sum + p * Math.log(p), 0);
      const prediction: Prediction = {
        id,
        model: { name: MODEL.name, version },
        predictions: predictions.slice(0, topK),
        static: predictions[0]!,
        adaptation: {
          recipe,
          applied: recipe,
          steps: 0,
          entropy_before: entropy,
          entropy_after: entropy,
          label_changed: false,
        },
        ...(trace && {
          trace: { entropies: [entropy], top: predictions.slice(0, 1), static: predictions.slice(0, topK) },
        }),
        batch: { id: randomUUID(), size: 1 },
        timing_ms: { decode, queue: 0, adapt: 0, total: performance.now() - started },
      };
      if (idempotencyKey !== undefined) answered.set(idempotencyKey, prediction);
      return prediction;
    },
    async predictEach(request) {
      const { images, ...options } = request;
      eachRequests.push(request);
      if (images.length > MAX_BATCH_SIZE) {
        throw new ServiceError('invalid_request', `A request has from 1 to ${MAX_BATCH_SIZE} images.`);
      }
      return Promise.all(
        images.map((image) => inference.predict({ ...options, image }).catch((error: Error) => error)),
      );
    },
    async predictRows(request) {
      const { images, recipe = 'dent+', signal } = request;
      rowsRequests.push(request);
      const failure = inference.failWith;
      inference.failWith = undefined;
      if (failure !== undefined) throw failure;
      if (!Object.hasOwn(MODEL.recipes, recipe)) {
        throw new ServiceError('unknown_recipe', `The model "${MODEL.name}" has no recipe "${recipe}".`);
      }
      request.listener?.chosen({ model: { name: MODEL.name, version: request.version ?? 2 }, recipe });
      await wait(inference.delayMs, undefined, signal && { signal }).catch((cause) => {
        throw new ServiceError('cancelled', 'The request was cancelled.', { cause });
      });
      const count = images.dims[0]!;
      const values: number[] = Array.from(images.data);
      const scores = float32(
        [count, 3],
        Array.from({ length: count * 3 }, (_, plane) =>
          values.slice(plane * SIZE * SIZE, (plane + 1) * SIZE * SIZE).reduce((a, b) => a + b, 0),
        ),
      );
      return {
        model: { name: MODEL.name, version: request.version ?? 2 },
        recipe,
        applied: [recipe],
        steps: 1,
        batches: [{ id: randomUUID(), size: count }],
        queueMs: 0.5,
        runMs: 1.25,
        logits: scores,
        staticLogits: float32(
          scores.dims,
          scores.data.map((score) => -score),
        ),
        entropy: float32([count, 2], new Float32Array(count * 2).fill(0.5)),
        entropyBefore: 0.75,
        entropyAfter: 0.5,
        labelChanges: 0,
      };
    },
    statistics: ({ name, version }) => ({
      name,
      version,
      lastInferenceMs: 7,
      rows: 5,
      batches: 2,
      success: { count: 1, ns: 10 },
      fail: { count: 2, ns: 20 },
      queue: { count: 3, ns: 30 },
      computeInput: { count: 4, ns: 40 },
      computeInfer: { count: 5, ns: 50 },
      computeOutput: { count: 6, ns: 60 },
      batchesBySize: [{ size: 3, count: 2, ns: 80 }],
    }),
    async accept(request) {
      const id = randomUUID();
      const { caller } = request;
      accepted.set(id, { caller, outcome: { id, status: 'pending' } });
      inference.predict(request).then(
        (prediction) => accepted.set(id, { caller, outcome: { ...prediction, id } }),
        (error) => accepted.set(id, { caller, outcome: error }),
      );
      return { id, status: 'pending' };
    },
    async prediction(id, caller) {
      const found = accepted.get(id);
      if (found?.caller !== caller)
        throw new ServiceError('unknown_prediction', 'There is no prediction of this id.');
      if (found.outcome instanceof Error) throw found.outcome;
      return found.outcome;
    },
    models: () => [MODEL],
    model,
    choose: ({ model: name = MODEL.name, version, recipe = 'dent+' }) => ({
      version: inference.version(name, version),
      recipe,
    }),
    version(name, version = 2) {
      const entry = model(name).versions.find((each) => each.version === version);
      if (entry === undefined) {
        throw new ServiceError('unknown_model', `The model "${name}" has no version ${version}.`);
      }
      if (entry.state !== 'ready') {
        throw new ServiceError('not_ready', `Version ${version} could not be loaded.`, {
          retryAfterSeconds: 60,
        });
      }
      return describedVersion(version);
    },
    warnings: () => inference.warned,
    unreadyReasons: () => inference.reasons,
  };
  return inference;
}
