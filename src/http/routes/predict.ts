import type { FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { AcceptedPrediction, Inference, Prediction, PredictRequest } from '../../inference/inference.ts';
import type { App } from '../app-instance.ts';
import { imageOfBody } from '../body.ts';
import { grant } from '../caller.ts';
import { hangUp } from '../hang-up.ts';
import { type Lifecycle, refuseWhileEnding } from '../lifecycle.ts';
import { noteChoice, notePrediction } from '../observation.ts';
import { prefersAsync } from '../prefer.ts';
import { answer, KEY_PROBLEMS, problems } from '../schemas/answers.ts';
import {
  DOCUMENTED_PREDICT_BODY,
  IDEMPOTENCY_KEY,
  ModelName,
  ModelVersionNumber,
  PREDICT_BODY,
  PREFER,
  PRIORITY,
  PredictHeaders,
  PredictQuery,
} from '../schemas/predict.ts';
import { ACCEPTED_EXAMPLE, PREDICTION_EXAMPLE } from '../schemas/prediction.ts';

const NamedModel = Type.Object({ name: ModelName });
const NamedVersion = Type.Object({ name: ModelName, version: ModelVersionNumber });

const DESCRIPTION =
  'Classifies one image with a model that adapts itself to the batch the image becomes part of. Send the image itself, a form with ' +
  'the field `image`, or JSON with the image in base64; JPEG, PNG and WebP are read, whatever the content type calls them. ' +
  'Transparent parts are seen on white, and EXIF orientation is followed.';

const ACCEPTED = 202;
const REPLAYED = 'idempotent-replayed';
const REPLAYED_HEADER = {
  'Idempotent-Replayed': {
    type: 'string',
    enum: ['true'],
    description: 'Sent where the answer is that of an earlier request with the same Idempotency-Key.',
  },
};
const LOCATION = {
  Location: {
    type: 'string',
    description: 'Where the prediction is told, such as /v1/predictions/5f2b7a44.',
  },
  'Preference-Applied': { type: 'string', enum: ['respond-async'] },
  ...REPLAYED_HEADER,
};

const schemaOf = (operationId: string, summary: string) => ({
  operationId,
  summary,
  description: DESCRIPTION,
  tags: ['predict'],
  querystring: PredictQuery,
  headers: PredictHeaders,
  body: PREDICT_BODY,
  response: {
    200: answer(
      'The prediction.',
      'application/json',
      { $ref: 'Prediction#' },
      PREDICTION_EXAMPLE,
      REPLAYED_HEADER,
    ),
    [ACCEPTED]: answer(
      'Accepted, as `Prefer: respond-async` asked for.',
      'application/json',
      { $ref: 'AcceptedPrediction#' },
      ACCEPTED_EXAMPLE,
      LOCATION,
    ),
    ...problems(
      ...KEY_PROBLEMS,
      'invalid_image',
      'invalid_request',
      'unknown_recipe',
      'unknown_model',
      'too_large',
      'unsupported_media_type',
      'queue_full',
      'not_ready',
      'draining',
      'queue_unavailable',
      'timeout',
    ),
  },
});

const config = {
  predicts: true,
  scope: 'predict',
  /** Fastify validates JSON alone; the document shows every type of body. */
  swaggerTransform: ({ schema, url }: { schema: object; url: string }) => ({
    schema: { ...schema, body: DOCUMENTED_PREDICT_BODY },
    url,
  }),
} as const;

type PredictHeaderValues = Static<typeof PredictHeaders>;

/** What is asked for. The image is in the result alone, from which the use case takes it. */
function read(
  request: FastifyRequest,
  reply: FastifyReply,
  query: Static<typeof PredictQuery>,
  which: { model?: string; version?: number },
): PredictRequest {
  // Validation has made a number of the priority.
  const headers = request.headers as PredictHeaderValues;
  const image = imageOfBody(request.body);
  // The request lives until its answer; its body need not.
  request.body = undefined;
  // What waits to be decoded is counted by the decoder.
  request.upload?.leave();
  return {
    image,
    ...which,
    ...(query.recipe !== undefined && { recipe: query.recipe }),
    ...(query.top_k !== undefined && { topK: query.top_k }),
    ...(query.timeout_ms !== undefined && { timeoutMs: query.timeout_ms }),
    ...(headers[IDEMPOTENCY_KEY] !== undefined && { idempotencyKey: headers[IDEMPOTENCY_KEY] }),
    ...grant(request, headers[PRIORITY] as PredictRequest['priority']),
    signal: hangUp(request.raw, reply.raw),
    listener: {
      chosen: (choice) => noteChoice(request, choice),
      replayed: () => void reply.header(REPLAYED, 'true'),
    },
  };
}

export function predictRoutes(app: App, inference: Inference, lifecycle: Lifecycle): void {
  const onRequest = refuseWhileEnding(lifecycle);

  const predict = async (
    request: FastifyRequest,
    reply: FastifyReply,
    query: Static<typeof PredictQuery>,
    which: { model?: string; version?: number },
  ): Promise<Prediction | AcceptedPrediction> => {
    const asked = read(request, reply, query, which);
    if (!prefersAsync((request.headers as PredictHeaderValues)[PREFER])) {
      const prediction = await inference.predict(asked);
      notePrediction(request, prediction);
      return prediction;
    }
    const accepted = await inference.accept(asked);
    reply.code(ACCEPTED).header('location', `/v1/predictions/${accepted.id}`);
    reply.header('preference-applied', 'respond-async');
    return accepted;
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
