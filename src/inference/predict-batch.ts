import { randomUUID } from 'node:crypto';
import type { RowPayload } from '../batching/batch-queue.ts';
import type { ServingVersion } from '../models/index.ts';
import { createPrediction } from './answer.ts';
import type { Prediction } from './inference.ts';
import { runRows } from './run-rows.ts';

/** An image that was decoded for this version. */
export interface DecodedImage {
  readonly row: RowPayload;
  readonly decodeMs: number;
}

export interface PredictBatchOptions {
  readonly version: ServingVersion;
  /** Name of one of the version's recipes. */
  readonly recipe: string;
  readonly topK: number;
  readonly onProgress?: (rowsDone: number) => void;
}

/**
 * Predicts the images as one batch, without a queue. Rejects where the engine does. An `Error` in the result
 * belongs to that image alone.
 */
export async function predictBatch(
  images: readonly DecodedImage[],
  { version, recipe, topK, onProgress }: PredictBatchOptions,
): Promise<readonly (Prediction | Error)[]> {
  if (images.length === 0) return [];
  const started = performance.now();
  const payloads = images.map(({ row }) => row);
  const deps = onProgress === undefined ? {} : { onProgress };
  const { answers } = await runRows(deps, version, recipe, payloads);
  const runMs = performance.now() - started;
  const batch = { id: randomUUID(), size: images.length };
  return answers.map((answer, i) => {
    if (answer instanceof Error) return answer;
    const { decodeMs } = images[i]!;
    const facts = { id: randomUUID(), recipe, topK, decodeMs, totalMs: decodeMs + runMs };
    return createPrediction(version, { answer, batch, queueMs: 0, runMs }, facts);
  });
}
