import type { FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { ServiceError } from '../../errors.ts';
import type { Inference, Prediction } from '../../inference/inference.ts';
import type { App } from '../app-instance.ts';
import { imageOfBody } from '../body.ts';
import { hangUp } from '../hang-up.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { answer, problems } from '../schemas/answers.ts';
import {
  DOCUMENTED_PREDICT_BODY,
  ModelName,
  ModelVersionNumber,
  PREDICT_BODY,
  PredictQuery,
} from '../schemas/predict.ts';
import { PREDICTION_EXAMPLE } from '../schemas/prediction.ts';

const NamedModel = Type.Object({ name: ModelName });
const NamedVersion = Type.Object({ name: ModelName, version: ModelVersionNumber });

const DESCRIPTION =
  'Classifies one image with a model that adapts itself to the batch the image becomes part of. Send the image itself, a form with ' +
  'the field `image`, or JSON with the image in base64; JPEG, PNG and WebP are read, whatever the content type calls them. ' +
  'Transparent parts are seen on white, and EXIF orientation is followed.';

const schemaOf = (operationId: string, summary: string) => ({
  operationId,
  summary,
  description: DESCRIPTION,
  tags: ['predict'],
  querystring: PredictQuery,
  body: PREDICT_BODY,
  response: {
    200: answer('The prediction.', 'application/json', { $ref: 'Prediction#' }, PREDICTION_EXAMPLE),
    ...problems(
      'invalid_image',
      'invalid_request',
      'unknown_recipe',
      'unknown_model',
      'too_large',
      'unsupported_media_type',
      'queue_full',
      'not_ready',
      'draining',
      'timeout',
    ),
  },
});

/** Fastify validates JSON alone; the document shows every type of body. */
const config = {
  swaggerTransform: ({ schema, url }: { schema: object; url: string }) => ({
    schema: { ...schema, body: DOCUMENTED_PREDICT_BODY },
    url,
  }),
};

export function predictRoutes(app: App, inference: Inference, lifecycle: Lifecycle): void {
  /** Before the body is read: an image that will not be looked at need not be sent. */
  const onRequest = async () => {
    if (lifecycle.phase() !== 'refusing') return;
    throw new ServiceError('draining', 'The service is shutting down.', { retryAfterSeconds: 1 });
  };

  const predict = (
    request: FastifyRequest,
    reply: FastifyReply,
    query: Static<typeof PredictQuery>,
    which: { model?: string; version?: number },
  ): Promise<Prediction> => {
    const image = imageOfBody(request.body);
    // The request lives until its answer; its body need not.
    request.body = undefined;
    return inference.predict({
      image,
      ...which,
      ...(query.recipe !== undefined && { recipe: query.recipe }),
      ...(query.top_k !== undefined && { topK: query.top_k }),
      ...(query.timeout_ms !== undefined && { timeoutMs: query.timeout_ms }),
      caller: '',
      signal: hangUp(reply.raw),
    });
  };

  app.post(
    '/v1/predict',
    { schema: schemaOf('predict', 'Classify an image with the default model'), config, onRequest },
    (request, reply) => predict(request, reply, request.query, {}),
  );
  app.post(
    '/v1/models/:name/predict',
    {
      schema: { ...schemaOf('predictWithModel', 'Classify an image with a model'), params: NamedModel },
      config,
      onRequest,
    },
    (request, reply) => predict(request, reply, request.query, { model: request.params.name }),
  );
  app.post(
    '/v1/models/:name/versions/:version/predict',
    {
      schema: {
        ...schemaOf('predictWithVersion', 'Classify an image with a version of a model'),
        params: NamedVersion,
      },
      config,
      onRequest,
    },
    (request, reply) => {
      const { name, version } = request.params;
      return predict(request, reply, request.query, { model: name, version: Number(version) });
    },
  );
}
