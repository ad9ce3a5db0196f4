import type { BatchHandler, RowAnswer } from '../batching/batch-queue.ts';
import type { ModelRepository } from '../models/index.ts';
import { chooseModel, chooseVersion } from './choose.ts';
import type { InferenceObserver } from './observer.ts';
import { entropyNats, softmax } from './probabilities.ts';
import { runRows } from './run-rows.ts';

export interface BatchHandlerDeps {
  readonly models: ModelRepository;
  readonly observer: InferenceObserver;
}

const topClass = (logits: Float32Array): number => logits.indexOf(Math.max(...logits));

/** What is counted of an answer, by the process that made it: whoever asked may be elsewhere, or gone. */
const story = ({ logits, staticLogits, entropy }: RowAnswer) => ({
  staticEntropy: entropyNats(softmax(staticLogits)),
  adaptedEntropy: entropy.at(-1)!,
  labelChanged: topClass(logits) !== topClass(staticLogits),
});

/** Runs the queue's batches on the engine. A batch for a model that is not served here rejects with a `ServiceError`. */
export function createBatchHandler({ models, observer }: BatchHandlerDeps): BatchHandler {
  return async ({ lane, rows }) => {
    const version = chooseVersion(chooseModel(models, lane.model), lane.version);
    const payloads = rows.map(({ row }) => row);
    const answers = await runRows({ observer }, version, lane.recipe, payloads);
    const labels = { model: `${lane.model}:${lane.version}`, recipe: lane.recipe };
    for (const answer of answers) {
      if (!(answer instanceof Error)) observer.predicted({ ...labels, ...story(answer) });
    }
    return answers;
  };
}
