import { randomUUID } from 'node:crypto';
import type { BatchProducer, RowPayload, RowRequest } from '../batching/batch-queue.ts';
import { ServiceError } from '../errors.ts';
import { rowShape } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import { allFinite, rows as rowsOf } from '../tensor.ts';
import { tellChoice } from './choice-listener.ts';
import { checkRecipe, chooseRecipe, chooseTimeout } from './choose.ts';
import type { RowsPrediction, RowsRequest } from './inference.ts';
import { laneOf } from './lane.ts';
import { createRowsPrediction } from './rows-prediction.ts';
import type { Statistics } from './statistics.ts';
import { submitRows } from './submit-rows.ts';

export interface PredictRowsDeps {
  readonly queue: Pick<BatchProducer, 'submit'>;
  readonly statistics: Statistics;
}

function checkImages({ manifest }: DescribedVersion, { dims, type, data }: RowsRequest['images']): void {
  const { maxBatchSize } = manifest.batching;
  const [count = 0, ...shape] = dims;
  const expected = rowShape(manifest.input);
  if (shape.length !== 3 || expected.some((size, axis) => size !== shape[axis])) {
    throw new ServiceError(
      'invalid_request',
      `The images must have the shape [N, ${expected.join(', ')}]; it is [${dims.join(', ')}].`,
    );
  }
  if (count < 1 || count > maxBatchSize) {
    throw new ServiceError(
      'invalid_request',
      `A request has from 1 to ${maxBatchSize} images, not ${count}.`,
    );
  }
  if (type === 'float32' && !allFinite(data as Float32Array)) {
    throw new ServiceError('invalid_request', 'The images hold NaN or infinite numbers.');
  }
}

/** The rows of a request as views of its tensor. */
function createRows(version: DescribedVersion, request: RowsRequest, recipe: string): RowRequest[] {
  const { images, caller, priority } = request;
  checkImages(version, images);
  const deadlineMs = Date.now() + chooseTimeout(request.timeoutMs, version.manifest.batching.timeoutMs);
  const lane = laneOf(version, recipe, caller);
  return Array.from({ length: images.dims[0]! }, (_, i) => ({
    id: randomUUID(),
    lane,
    row: { type: images.type, data: rowsOf(images, i, i + 1).data } as RowPayload,
    deadlineMs,
    ...(priority !== undefined && { priority }),
  }));
}

/** Predicts the rows of a request by `version`. The request's time began at `startedMs`. */
export async function predictRows(
  { queue, statistics }: PredictRowsDeps,
  version: DescribedVersion,
  request: RowsRequest,
  startedMs: number,
): Promise<RowsPrediction> {
  const recipe = chooseRecipe(version, request.recipe);
  checkRecipe(version, recipe, request);
  tellChoice(request, { version, recipe });
  const rows = createRows(version, request, recipe);
  const inputMs = performance.now() - startedMs;
  const deliveries = await submitRows(queue, rows, request.signal);
  const deliveredMs = performance.now();
  const prediction = createRowsPrediction(version, recipe, deliveries);
  const endMs = performance.now();
  statistics.answered(version, {
    deliveries,
    inputMs,
    outputMs: endMs - deliveredMs,
    totalMs: endMs - startedMs,
  });
  return prediction;
}
