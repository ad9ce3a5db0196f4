import { randomUUID } from 'node:crypto';
import type { BatchProducer, Delivery } from '../batching/batch-queue.ts';
import type { ServiceError } from '../errors.ts';
import type { ModelRepository } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import { type AdmissionDeps, type Choice, createAdmission, type DecodedRow } from './admission.ts';
import { createPrediction } from './answer.ts';
import { tellChoice } from './choice-listener.ts';
import { checkCount, chooseModel, chooseVersion } from './choose.ts';
import type {
  AcceptedPrediction,
  Inference,
  PredictEachRequest,
  Prediction,
  PredictRequest,
  RowsPrediction,
  RowsRequest,
  VersionStatistics,
} from './inference.ts';
import { createKeptPredictions } from './kept-predictions.ts';
import { predictEach } from './predict-each.ts';
import { predictRows } from './predict-rows.ts';
import { createStatistics, type Statistics } from './statistics.ts';
import { submitRow } from './submit-rows.ts';
import { modelReasons, summarize } from './summary.ts';

export interface InferenceQueue
  extends Pick<BatchProducer, 'submit' | 'enqueue' | 'result' | 'leaveNote' | 'note'> {
  /** Why rows cannot be queued now, where the queue is not in this process. */
  unreadyReasons?(): readonly string[];
  /** The error for any row now, where callers can be told more than that the queue cannot be used. */
  refusal?(): ServiceError | undefined;
  /** Warnings for an operator while rows can be queued, one sentence each. */
  warnings?(): readonly string[];
}

export interface InferenceDeps extends Omit<AdmissionDeps, 'queueReasons' | 'refusal'> {
  readonly models: ModelRepository<DescribedVersion>;
  readonly queue: InferenceQueue;
}

export interface InferenceOptions {
  /** How long predictions can be asked for again, milliseconds. */
  readonly keepMs: number;
}

export interface RunningInference extends Inference {
  /** Those of this process. */
  statistics(version: DescribedVersion): VersionStatistics;
  /** Resolves when no prediction is under way. */
  idle(): Promise<void>;
}

/** Counts the outcomes of requests that began at `startedMs`. */
function createCounting(statistics: Statistics) {
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

  /** The prediction that `write` makes from the delivery, counted. */
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

  return { countFailures, counted };
}

/** Holds a version during some work, whatever happens to the repository. */
const createHolding =
  (models: ModelRepository<DescribedVersion>) =>
  async <T>(version: DescribedVersion, work: () => Promise<T>): Promise<T> => {
    const hold = models.hold(version.content);
    try {
      return await work();
    } finally {
      hold?.letGo();
    }
  };

/** Knows what is under way. */
function createTracking() {
  const underWay = new Set<Promise<unknown>>();
  function track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
    return tracked;
  }

  async function idle(): Promise<void> {
    while (underWay.size > 0) await Promise.allSettled(underWay);
  }

  return { track, idle };
}

/** The use case: one image in, its adapted prediction out. */
export function createInference(
  { models, queue, decoder, observer }: InferenceDeps,
  { keepMs }: InferenceOptions,
): RunningInference {
  const queueReasons = (): readonly string[] => queue.unreadyReasons?.() ?? [];
  const refusal = (): ServiceError | undefined => queue.refusal?.();
  const admission = createAdmission({ models, decoder, observer, queueReasons, refusal });
  const kept = createKeptPredictions({ models, queue, admission }, keepMs);
  const statistics = createStatistics();
  const { counted, countFailures } = createCounting(statistics);
  const { track, idle } = createTracking();
  const holding = createHolding(models);

  async function predict(request: PredictRequest): Promise<Prediction> {
    const startedMs = performance.now();
    const choice = admission.choose(request);
    return holding(choice.version, () =>
      countFailures(choice.version, startedMs, () => {
        const { idempotencyKey } = request;
        if (idempotencyKey === undefined) return predictNew(request, choice, startedMs);
        return predictOnce(request, choice, idempotencyKey, startedMs);
      }),
    );
  }

  /** The two steps for an image whose answer is not kept. */
  const stepsOf = (choice: Choice, startedMs: number) => ({
    decode: (request: PredictRequest, id: string = randomUUID()) => admission.createRow(id, request, choice),
    async predict({ row, decodeMs }: DecodedRow, { signal }: PredictRequest): Promise<Prediction> {
      const delivery = await submitRow(queue, row, signal);
      const { version, recipe, topK, trace } = choice;
      return counted(version, delivery, decodeMs, startedMs, () => {
        const totalMs = performance.now() - startedMs;
        return createPrediction(version, delivery, { id: row.id, recipe, topK, trace, decodeMs, totalMs });
      });
    },
  });

  async function predictNew(request: PredictRequest, choice: Choice, startedMs: number): Promise<Prediction> {
    const { decode, predict } = stepsOf(choice, startedMs);
    const id = randomUUID();
    tellChoice(request, choice, id);
    admission.requireQueue();
    return predict(await decode(request, id), request);
  }

  async function predictImages(request: PredictEachRequest): Promise<readonly (Prediction | Error)[]> {
    const startedMs = performance.now();
    const choice = admission.choose(request);
    const { version } = choice;
    checkCount(version, request.images.length);
    tellChoice(request, choice);
    return holding(version, async () => {
      admission.requireQueue();
      const outcomes = await predictEach(stepsOf(choice, startedMs), request);
      const failed = outcomes.filter((outcome) => outcome instanceof Error).length;
      for (let i = 0; i < failed; i++) statistics.failed(version, performance.now() - startedMs);
      return outcomes;
    });
  }

  async function predictOnce(
    request: PredictRequest,
    choice: Choice,
    key: string,
    startedMs: number,
  ): Promise<Prediction> {
    const answer = await kept.predictOnce(request, choice, key);
    if (!('write' in answer)) return answer;
    return counted(choice.version, answer.delivery, answer.decodeMs, startedMs, answer.write);
  }

  async function predictTensor(request: RowsRequest): Promise<RowsPrediction> {
    const startedMs = performance.now();
    const version = chooseVersion(chooseModel(models, request.model), request.version);
    return holding(version, () =>
      countFailures(version, startedMs, async () => {
        admission.requireQueue();
        return predictRows({ queue, statistics }, version, request, startedMs);
      }),
    );
  }

  async function accept(request: PredictRequest): Promise<AcceptedPrediction> {
    const choice = admission.choose(request);
    return holding(choice.version, () => {
      admission.requireQueue();
      return kept.accept(request, choice);
    });
  }

  return {
    predict: (request) => track(predict(request)),
    predictEach: (request) => track(predictImages(request)),
    predictRows: (request) => track(predictTensor(request)),
    accept: (request) => track(accept(request)),
    prediction: kept.prediction,
    idle,
    models: () => models.models().map(summarize),
    model: (name) => summarize(chooseModel(models, name)),
    choose: (request) => admission.choose(request),
    version: (model, version) => chooseVersion(chooseModel(models, model), version),
    statistics: (version) => statistics.of(version),
    warnings: () => queue.warnings?.() ?? [],
    unreadyReasons: () => [...modelReasons(models), ...queueReasons()],
  };
}
