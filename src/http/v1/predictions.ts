import Type from 'typebox';
import type { Inference } from '../../inference/inference.ts';
import { answer, KEY_PROBLEMS, problems } from '../server/answers.ts';
import type { App } from '../server/app-instance.ts';
import { callerOf } from '../server/caller.ts';
import { visibleTo } from '../server/visibility.ts';
import { ACCEPTED_EXAMPLE, PREDICTION_EXAMPLE } from './schemas/prediction.ts';

const NamedPrediction = Type.Object({
  id: Type.String({ description: 'Names a prediction.', examples: [PREDICTION_EXAMPLE.id] }),
});
const PENDING = 202;

/** Accepted predictions stay with the queue, so every process of the service can answer for them. */
export function predictionRoutes(app: App, inference: Inference): void {
  app.get(
    '/v1/predictions/:id',
    {
      config: { polled: true, scope: 'predict' },
      schema: {
        operationId: 'getPrediction',
        summary: 'Ask for a prediction that was accepted',
        description:
          'The result of a request sent with `Prefer: respond-async` or with an `Idempotency-Key`, for some minutes. A prediction ' +
          'that failed is answered with the error that the request itself would have met.',
        tags: ['predict'],
        params: NamedPrediction,
        querystring: Type.Object({}, { additionalProperties: false }),
        response: {
          200: answer('The prediction.', 'application/json', { $ref: 'Prediction#' }, PREDICTION_EXAMPLE),
          [PENDING]: answer(
            'It waits or runs; ask again.',
            'application/json',
            { $ref: 'AcceptedPrediction#' },
            ACCEPTED_EXAMPLE,
            { 'Retry-After': { type: 'integer', minimum: 1, description: 'Seconds.' } },
          ),
          ...problems(
            ...KEY_PROBLEMS,
            'invalid_request',
            'unknown_prediction',
            'queue_unavailable',
            'timeout',
          ),
        },
      },
    },
    async (request, reply) => {
      const found = await inference.prediction(request.params.id, callerOf(request));
      if (!('status' in found)) return visibleTo(request, found);
      reply.code(PENDING).header('retry-after', 1);
      return found;
    },
  );
}
