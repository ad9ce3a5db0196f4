import type { Batch, BatchHandler, RowAnswer } from '../batching/batch-queue.ts';
import { stoppedBy } from '../dent/index.ts';
import { ServiceError } from '../errors.ts';
import type { ModelRepository, ServingVersion } from '../models/index.ts';
import { inBatchSpan } from '../spans.ts';
import type { BatchOutcome, InferenceObserver } from './observer.ts';
import { entropyNats, softmax, topClass } from './probabilities.ts';
import { type RanRows, runRows } from './run-rows.ts';

/** Runs a batch, or a part of one, by a version that is held meanwhile. */
export type BatchRun = (batch: Batch, version: ServingVersion) => ReturnType<BatchHandler>;

type RowNumbers = Omit<Parameters<InferenceObserver['predicted']>[0], 'model' | 'recipe'>;

/**
 * The numbers of a row that are counted. They are counted in the process that ran it, because the caller may
 * be in another one, or gone.
 */
const numbersOf = (
  { logits, staticLogits, entropy, steps, applied: name }: RowAnswer,
  applied: RanRows['applied'],
): RowNumbers => ({
  staticEntropy: entropyNats(softmax(staticLogits)),
  adaptedEntropy: entropy.at(-1)!,
  labelChanged: topClass(logits) !== topClass(staticLogits),
  steps,
  // A row whose adaptation diverged has not stopped.
  stoppedBy: name === applied.name ? stoppedBy(steps, applied.recipe) : undefined,
});

const isAnswer = (answer: RowAnswer | Error): answer is RowAnswer => !(answer instanceof Error);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function outcomeOf({ applied, answers }: RanRows, rows: readonly RowNumbers[]): BatchOutcome {
  return {
    applied: applied.name,
    steps: applied.recipe.steps,
    ...(rows.length > 0 && {
      meanSteps: mean(rows.map(({ steps }) => steps)),
      staticEntropy: mean(rows.map(({ staticEntropy }) => staticEntropy)),
      adaptedEntropy: mean(rows.map(({ adaptedEntropy }) => adaptedEntropy)),
    }),
    labelsChanged: rows.filter(({ labelChanged }) => labelChanged).length,
    diverged: answers.filter((answer) => isAnswer(answer) && answer.applied !== applied.name).length,
    failed: answers.length - rows.length,
  };
}

/** Attributes for the span of a batch. */
const attributesOf = ({ id, lane, rows, reason }: Batch) => ({
  'dent.batch.id': id,
  'dent.batch.size': rows.length,
  'dent.batch.reason': reason,
  'dent.model': `${lane.model}:${lane.version}`,
  'dent.recipe': lane.recipe,
});

const resultAttributes = ({ staticEntropy, adaptedEntropy, meanSteps, diverged, failed }: BatchOutcome) => ({
  ...(meanSteps !== undefined && { 'dent.steps.mean': meanSteps }),
  ...(staticEntropy !== undefined && { 'dent.entropy.static': staticEntropy }),
  ...(adaptedEntropy !== undefined && { 'dent.entropy.adapted': adaptedEntropy }),
  'dent.rows.diverged': diverged,
  'dent.rows.failed': failed,
});

/** Runs the queue's batches on the engine, and tells what became of them. */
export function createBatchRun(observer: InferenceObserver): BatchRun {
  async function run(
    { lane, rows }: Batch,
    version: ServingVersion,
    onProgress: (rowsDone: number, pid: number) => void,
  ) {
    const payloads = rows.map(({ row }) => row);
    const ran = await runRows({ observer, onProgress }, version, lane.recipe, payloads);
    const labels = { model: `${lane.model}:${lane.version}`, recipe: lane.recipe };
    const numbers = ran.answers.filter(isAnswer).map((answer) => numbersOf(answer, ran.applied));
    for (const each of numbers) observer.predicted({ ...labels, ...each });
    return { answers: ran.answers, outcome: outcomeOf(ran, numbers) };
  }

  return async (batch, version) => {
    const { id, lane, rows, reason } = batch;
    const engines = new Set<number>();
    let beganMs: number | undefined;
    const givenMs = performance.now();
    const tell = (outcome?: BatchOutcome): void =>
      observer.ran({
        batch: id,
        model: `${lane.model}:${lane.version}`,
        recipe: lane.recipe,
        reason,
        rows: rows.length,
        seconds: (performance.now() - (beganMs ?? givenMs)) / 1000,
        engines: [...engines],
        ...(outcome && { outcome }),
      });
    try {
      const traceparents = rows.map(({ traceparent }) => traceparent);
      const { answers, outcome } = await inBatchSpan(attributesOf(batch), traceparents, async (describe) => {
        const result = await run(batch, version, (_rowsDone, pid) => {
          beganMs ??= performance.now();
          engines.add(pid);
        });
        describe(resultAttributes(result.outcome));
        return result;
      });
      tell(outcome);
      return answers;
    } catch (error) {
      tell();
      throw error;
    }
  };
}

/**
 * A handler that runs each batch by the version that its rows were accepted for, even where that is not
 * served any more. The version is not released while the batch runs. The handler takes hold of it in the call
 * itself, before the queue forgets that the rows wait. A batch of a version that is not here rejects with a
 * `ServiceError`.
 */
export function holdVersions(models: ModelRepository, run: BatchRun): BatchHandler {
  return async (batch) => {
    const { model, version, content } = batch.lane;
    const hold = models.hold(content);
    if (hold === undefined) {
      throw new ServiceError(
        'not_ready',
        `Version ${version} of the model "${model}" is not what it was when the image came.`,
        { retryAfterSeconds: 1 },
      );
    }
    try {
      return await run(batch, hold.version);
    } finally {
      hold.letGo();
    }
  };
}
