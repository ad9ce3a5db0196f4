import Type from 'typebox';
import type { Inference } from '../../inference/inference.ts';
import { answer, KEY_PROBLEMS, problems } from '../server/answers.ts';
import type { App } from '../server/app-instance.ts';
import { MODEL_EXAMPLE } from './schemas/model.ts';
import { ModelName } from './schemas/predict.ts';

const NoQuery = Type.Object({}, { additionalProperties: false });
const ModelList = Type.Object(
  { models: Type.Array({ $ref: 'Model#' }) },
  { title: 'ModelList', additionalProperties: false },
);

export function modelRoutes(app: App, inference: Inference): void {
  app.get(
    '/v1/models',
    {
      config: { scope: 'any' },
      schema: {
        operationId: 'listModels',
        summary: 'List the models',
        description:
          'What is served: versions and their state, the input, the labels and the recipes of each model.',
        tags: ['models'],
        querystring: NoQuery,
        response: {
          200: answer('The models.', 'application/json', ModelList, { models: [MODEL_EXAMPLE] }),
          ...problems(...KEY_PROBLEMS, 'invalid_request'),
        },
      },
    },
    async () => ({ models: inference.models() }),
  );
  app.get(
    '/v1/models/:name',
    {
      config: { scope: 'any' },
      schema: {
        operationId: 'getModel',
        summary: 'Describe a model',
        tags: ['models'],
        params: Type.Object({ name: ModelName }),
        querystring: NoQuery,
        response: {
          200: answer('The model.', 'application/json', { $ref: 'Model#' }, MODEL_EXAMPLE),
          ...problems(...KEY_PROBLEMS, 'invalid_request', 'unknown_model'),
        },
      },
    },
    async (request) => inference.model(request.params.name),
  );
}
