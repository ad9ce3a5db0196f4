import { setMaxListeners } from 'node:events';
import type { PredictEachRequest, Prediction, PredictRequest } from './inference.ts';

/**
 * How many images of one request are decoded at a time. Alone, the request keeps all threads busy with this
 * many. Beside others, their turn comes before the last of its hundreds.
 */
const DECODES_AT_A_TIME = 4;

/** The two steps of one image. */
export interface ImageSteps<Row> {
  decode(request: PredictRequest): Promise<Row>;
  predict(row: Row, request: PredictRequest): Promise<Prediction>;
}

/**
 * Makes a request for each image. The result alone holds the images, and lets go of each when it is decoded.
 */
function takeImages(request: PredictEachRequest): PredictRequest[] {
  const { images, ...options } = request;
  request.images = [];
  return images.map((image) => ({ ...options, image }));
}

const failure = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/**
 * The outcome of every image of a request, in order. Their rows come to the queue together, so a recipe that
 * mixes rows adapts to the images of the request and not to those that were decoded first. When the signal
 * aborts, waiting rows are withdrawn and the remaining images are not decoded.
 */
export async function predictEach<Row>(
  { decode, predict }: ImageSteps<Row>,
  request: PredictEachRequest,
): Promise<readonly (Prediction | Error)[]> {
  const requests = takeImages(request);
  // Each row listens until it is settled, and each image while it is being decoded.
  if (request.signal) setMaxListeners(requests.length + DECODES_AT_A_TIME, request.signal);
  const decoded: (Row | Error)[] = [];
  let next = 0;

  async function decodeInTurn(): Promise<void> {
    while (next < requests.length) {
      const at = next;
      next += 1;
      decoded[at] = await decode(requests[at]!).catch(failure);
    }
  }

  await Promise.all(Array.from({ length: DECODES_AT_A_TIME }, decodeInTurn));
  return Promise.all(
    decoded.map(async (row, at) => (row instanceof Error ? row : predict(row, requests[at]!).catch(failure))),
  );
}
