import type { Batch, BatchHandler, RowAnswer } from '../batching/batch-queue.ts';
import { appliedRecipe, type Recipe } from '../dent/index.ts';
import { ServiceError } from '../errors.ts';
import type { ModelRepository, ServingVersion } from '../models/index.ts';
import { inBatchSpan } from '../spans.ts';
import type { BatchOutcome, InferenceObserver } from './observer.ts';
import { entropyNats, softmax, topClass } from './probabilities.ts';
import { runRows } from './run-rows.ts';

export interface BatchHandlerDeps {
  readonly models: ModelRepository;
  readonly observer: InferenceObserver;
}

type Story = Omit<Parameters<InferenceObserver['predicted']>[0], 'model' | 'recipe'>;

/**
 * The numbers that the process which made an answer counts. The caller may be in another process, or gone.
 */
const story = ({ logits, staticLogits, entropy }: RowAnswer): Story => ({
  staticEntropy: entropyNats(softmax(staticLogits)),
  adaptedEntropy: entropy.at(-1)!,
  labelChanged: topClass(logits) !== topClass(staticLogits),
});

const isAnswer = (answer: RowAnswer | Error): answer is RowAnswer => !(answer instanceof Error);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function outcomeOf(
  applied: { readonly name: string; readonly recipe: Recipe },
  answers: readonly (RowAnswer | Error)[],
  stories: readonly Story[],
): BatchOutcome {
  return {
    applied: applied.name,
    steps: applied.recipe.steps,
    ...(stories.length > 0 && {
      staticEntropy: mean(stories.map(({ staticEntropy }) => staticEntropy)),
      adaptedEntropy: mean(stories.map(({ adaptedEntropy }) => adaptedEntropy)),
    }),
    labelsChanged: stories.filter(({ labelChanged }) => labelChanged).length,
    diverged: answers.filter((answer) => isAnswer(answer) && answer.applied !== applied.name).length,
    failed: answers.length - stories.length,
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

const resultAttributes = ({ staticEntropy, adaptedEntropy, diverged, failed }: BatchOutcome) => ({
  ...(staticEntropy !== undefined && { 'dent.entropy.static': staticEntropy }),
  ...(adaptedEntropy !== undefined && { 'dent.entropy.adapted': adaptedEntropy }),
  'dent.rows.diverged': diverged,
  'dent.rows.failed': failed,
});

/**
 * Runs the queue's batches on the engine. Each batch uses the version that its rows were accepted for, even
 * where that is not served any more. A batch of a version that is not here rejects with a `ServiceError`.
 */
export function createBatchHandler({ models, observer }: BatchHandlerDeps): BatchHandler {
  async function run(
    { lane, rows }: Batch,
    version: ServingVersion,
    onProgress: (rowsDone: number, pid: number) => void,
  ) {
    const payloads = rows.map(({ row }) => row);
    const answers = await runRows({ observer, onProgress }, version, lane.recipe, payloads);
    const asked = version.manifest.recipes[lane.recipe] as Recipe;
    const labels = { model: `${lane.model}:${lane.version}`, recipe: lane.recipe };
    const stories = answers.filter(isAnswer).map(story);
    for (const each of stories) observer.predicted({ ...labels, ...each });
    return { answers, outcome: outcomeOf(appliedRecipe(lane.recipe, asked, rows.length), answers, stories) };
  }

  return holdVersions(models, async (batch, version) => {
    const { id, lane, rows, reason } = batch;
    const engines = new Set<number>();
    const started = performance.now();
    const tell = (outcome?: BatchOutcome): void =>
      observer.ran({
        batch: id,
        model: `${lane.model}:${lane.version}`,
        recipe: lane.recipe,
        reason,
        rows: rows.length,
        seconds: (performance.now() - started) / 1000,
        engines: [...engines],
        ...(outcome && { outcome }),
      });
    try {
      const traceparents = rows.map(({ traceparent }) => traceparent);
      const { answers, outcome } = await inBatchSpan(attributesOf(batch), traceparents, async (describe) => {
        const result = await run(batch, version, (_rowsDone, pid) => engines.add(pid));
        describe(resultAttributes(result.outcome));
        return result;
      });
      tell(outcome);
      return answers;
    } catch (error) {
      tell();
      throw error;
    }
  });
}

/**
 * A handler that keeps the version of a batch from being released while `handler` works on it. It takes hold
 * in the call itself, before the queue forgets that the rows wait.
 */
export function holdVersions(
  models: ModelRepository,
  handler: (batch: Batch, version: ServingVersion) => ReturnType<BatchHandler>,
): BatchHandler {
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
      return await handler(batch, hold.version);
    } finally {
      hold.letGo();
    }
  };
}
