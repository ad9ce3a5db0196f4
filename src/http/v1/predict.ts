import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Access } from '../../access/access.ts';
import type { AcceptedPrediction, Inference } from '../../inference/inference.ts';
import { answer, PREDICT_PROBLEMS, problems } from '../server/answers.ts';
import type { App } from '../server/app-instance.ts';
import { chargeImages } from '../server/caller.ts';
import { type Lifecycle, refuseWhileEnding } from '../server/lifecycle.ts';
import { notePrediction } from '../server/observation.ts';
import { type VisiblePrediction, visibleTo } from '../server/visibility.ts';
import { readCall, type Which } from './predict-call.ts';
import { sendResults } from './results.ts';
import {
  DOCUMENTED_PREDICT_BODY,
  ModelName,
  ModelVersionNumber,
  PredictHeaders,
  PredictOptions,
} from './schemas/predict.ts';
import { ACCEPTED_EXAMPLE, PREDICTION_EXAMPLE, RESULTS_EXAMPLE } from './schemas/prediction.ts';

const NamedModel = Type.Object({ name: ModelName });
const NamedVersion = Type.Object({ name: ModelName, version: ModelVersionNumber });

const DESCRIPTION = [
  'Classifies one image, or several, with a model that adapts itself to the batch that they become part of. Send the image itself, a form ' +
    'with the field `image`, or JSON with the image in base64. The bytes say what a body is, whatever the content type calls it, and a ' +
    'body may be compressed by gzip, deflate or br. JPEG, PNG, WebP and AVIF are read; transparent parts are seen on white, and EXIF ' +
    'orientation is followed.',
  'Several images are several fields `image` of a form, or `images` in JSON, at most as many as the largest batch of the model. The ' +
    'answer is then a list of `results`, in order: for each image its prediction, or the problem that it failed with. Its status is 200 ' +
    'also where images failed; where every image was refused for a reason that lies in the service (429, 503, 504), it is that error.',
  '`recipe`, `top_k`, `trace` and `timeout_ms` may be in the query, in JSON or in a form.',
].join('\n\n');

const ACCEPTED = 202;
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
    description: 'Where to fetch the prediction, such as /v1/predictions/5f2b7a44.',
  },
  'Preference-Applied': { type: 'string', enum: ['respond-async'] },
  ...REPLAYED_HEADER,
};

const schemaOf = (operationId: string, summary: string) => ({
  operationId,
  summary,
  description: DESCRIPTION,
  tags: ['predict'],
  querystring: PredictOptions,
  headers: PredictHeaders,
  response: {
    200: answer('The prediction.', 'application/json', { $ref: 'Prediction#' }, undefined, REPLAYED_HEADER),
    [ACCEPTED]: answer(
      'Accepted, as `Prefer: respond-async` asked for.',
      'application/json',
      { $ref: 'AcceptedPrediction#' },
      ACCEPTED_EXAMPLE,
      LOCATION,
    ),
    ...problems('invalid_image', ...PREDICT_PROBLEMS),
  },
});

const DOCUMENTED_ANSWER = {
  ...answer(
    'The prediction; or those of several images.',
    'application/json',
    {},
    undefined,
    REPLAYED_HEADER,
  ),
  content: {
    'application/json': {
      schema: { anyOf: [{ $ref: 'Prediction#' }, { $ref: 'PredictionResults#' }] },
      examples: {
        one: { summary: 'Of one image.', value: PREDICTION_EXAMPLE },
        several: { summary: 'Of several images, one of which failed.', value: RESULTS_EXAMPLE },
      },
    },
  },
};

const config = {
  predicts: true,
  scope: 'predict',
  /** For the document only: Fastify would try the schemas of both answers on each. */
  swaggerTransform: ({ schema, url }: { schema: { response?: unknown }; url: string }) => ({
    schema: {
      ...schema,
      body: DOCUMENTED_PREDICT_BODY,
      response: { ...(schema.response as object), 200: DOCUMENTED_ANSWER },
    },
    url,
  }),
} as const;

interface PredictDeps {
  readonly inference: Inference;
  readonly lifecycle: Lifecycle;
  /** Absent where no keys are configured. */
  readonly access?: Access;
}

export function predictRoutes(app: App, { inference, lifecycle, access }: PredictDeps): void {
  const onRequest = refuseWhileEnding(lifecycle);

  const predict = async (
    request: FastifyRequest,
    reply: FastifyReply,
    query: PredictOptions,
    which: Which,
  ): Promise<VisiblePrediction | AcceptedPrediction | FastifyReply> => {
    const call = await readCall(request, reply, query, which);
    if ('several' in call) {
      chargeImages(access, request, call.several.images.length);
      return sendResults(request, reply, await inference.predictEach(call.several));
    }
    if (!call.isAsync) {
      const prediction = await inference.predict(call.one);
      notePrediction(request, prediction);
      return visibleTo(request, prediction);
    }
    const accepted = await inference.accept(call.one);
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
