import type { BatchHandler } from '../batching/batch-queue.ts';
import type { ModelRepository } from '../models/index.ts';
import { chooseModel, chooseVersion } from './choose.ts';
import type { InferenceObserver } from './observer.ts';
import { runRows } from './run-rows.ts';

export interface BatchHandlerDeps {
  readonly models: ModelRepository;
  readonly observer: InferenceObserver;
}

/** Runs the queue's batches on the engine. A batch for a model that is not served here rejects with a `ServiceError`. */
export function createBatchHandler({ models, observer }: BatchHandlerDeps): BatchHandler {
  return async ({ lane, rows }) => {
    const version = chooseVersion(chooseModel(models, lane.model), lane.version);
    const payloads = rows.map(({ row }) => row);
    return runRows({ observer }, version, lane.recipe, payloads);
  };
}
