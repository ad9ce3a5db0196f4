import { randomUUID } from 'node:crypto';
import type { BatchProducer } from '../batching/batch-queue.ts';
import { isCoupled } from '../dent/index.ts';
import { ServiceError } from '../errors.ts';
import type { ImageDecoder } from '../images/index.ts';
import { defaultVersion, type ModelEntry, type ModelRepository } from '../models/index.ts';
import { createPrediction } from './answer.ts';
import { chooseModel, chooseNumber, chooseRecipe, chooseVersion } from './choose.ts';
import type { Inference, ModelSummary, Prediction, PredictRequest } from './inference.ts';
import type { InferenceObserver } from './observer.ts';

export interface InferenceDeps {
  readonly models: ModelRepository;
  readonly queue: Pick<BatchProducer, 'submit'>;
  readonly decoder: ImageDecoder;
  readonly observer: InferenceObserver;
}

const TOP_K = 5;

function summarize(model: ModelEntry): ModelSummary {
  const { description, input, labels, recipes, defaultRecipe } = model.manifest;
  const serving = defaultVersion(model);
  return {
    name: model.name,
    description,
    versions: model.versions.map((entry) => {
      const { version, state } = entry;
      if (entry.state === 'ready') return { version, state, sha256: entry.serving.sha256 };
      return entry.state === 'failed' ? { version, state, reason: entry.reason } : { version, state };
    }),
    ...(serving !== undefined && { defaultVersion: serving.version }),
    input,
    labels,
    recipes,
    defaultRecipe,
  };
}

/** Why `model` keeps the service from being ready, one sentence for each reason. */
function unreadyReasons(model: ModelEntry): string[] {
  const loading = model.versions.filter(({ state }) => state === 'loading');
  if (loading.length > 0) {
    return loading.map(({ version }) => `Version ${version} of the model "${model.name}" is loading.`);
  }
  return defaultVersion(model) === undefined
    ? [`No version of the model "${model.name}" could be loaded.`]
    : [];
}

export interface RunningInference extends Inference {
  /** Resolves when no prediction is under way. */
  idle(): Promise<void>;
}

/** The use case: one image in, its adapted prediction out. */
export function createInference({ models, queue, decoder, observer }: InferenceDeps): RunningInference {
  const underWay = new Set<Promise<Prediction>>();

  async function predict(request: PredictRequest): Promise<Prediction> {
    const started = performance.now();
    const accepted = Date.now();
    const model = chooseModel(models, request.model ?? models.defaultModel);
    const version = chooseVersion(model, request.version);
    const recipe = chooseRecipe(model, request.recipe);
    const { labels, batching, shareBatches, recipes } = model.manifest;
    const topK = chooseNumber('top_k', request.topK, labels.length, Math.min(TOP_K, labels.length));
    // A longer wait than the operator allows is refused, not cut short without a word.
    const timeoutMs = chooseNumber('timeout_ms', request.timeoutMs, batching.timeoutMs, batching.timeoutMs);
    if (request.signal?.aborted) throw new ServiceError('cancelled', 'The request was cancelled.');
    const pixels = await decoder.decode(request.image, model.manifest.input);
    const decodeMs = performance.now() - started;
    observer.decoded(decodeMs / 1000);
    const apart = isCoupled(recipes[recipe]!) && !shareBatches;
    const id = randomUUID();
    const lane = {
      model: model.name,
      version: version.version,
      recipe,
      caller: apart ? request.caller : '',
    };
    const row = { type: 'uint8', data: pixels } as const;
    const delivery = await queue.submit({ id, lane, row, deadlineMs: accepted + timeoutMs }, request.signal);
    const totalMs = performance.now() - started;
    const prediction = createPrediction(version, delivery, { id, recipe, topK, decodeMs, totalMs });
    const { entropy_before, entropy_after, label_changed } = prediction.adaptation;
    observer.predicted({
      model: `${model.name}:${version.version}`,
      recipe,
      staticEntropy: entropy_before,
      adaptedEntropy: entropy_after,
      labelChanged: label_changed,
    });
    return prediction;
  }

  return {
    predict(request) {
      const prediction = predict(request).finally(() => underWay.delete(prediction));
      underWay.add(prediction);
      return prediction;
    },
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    models: () => models.models().map(summarize),
    model: (name) => summarize(chooseModel(models, name)),
    unreadyReasons: () => models.models().flatMap(unreadyReasons),
  };
}
