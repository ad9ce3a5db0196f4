import type { FastifyRequest } from 'fastify';
import type { Inference } from '../../inference/inference.ts';
import { answer, KEY_PROBLEMS, openInferenceErrors } from '../server/answers.ts';
import type { App } from '../server/app-instance.ts';
import { seesStatic } from '../server/visibility.ts';
import { chooseVersion } from './choose-version.ts';
import { modelConfig, modelMetadata } from './codec/describe.ts';
import { CONFIG_EXAMPLE, METADATA_EXAMPLE } from './schemas/examples.ts';
import { ModelConfig, ModelMetadata, ModelNames, ModelReady, ServerMetadata } from './schemas/metadata.ts';
import { NamedModel, NamedVersion } from './schemas/open-inference.ts';

/** The implemented extensions, by Triton's names. */
const EXTENSIONS = [
  'binary_tensor_data',
  'classification',
  'parameters',
  'schedule_policy',
  'model_configuration',
  'statistics',
  'model_repository',
];

const tags = ['open inference'];
const errors = openInferenceErrors(...KEY_PROBLEMS, 'unknown_model', 'not_ready');

/** The served models, and whether they are ready. */
export function metadataRoutes(app: App, inference: Inference, version: string): void {
  const server = { name: 'dent-serve', version, extensions: EXTENSIONS };
  app.get(
    '/v2',
    {
      config: { scope: 'any' },
      schema: {
        operationId: 'serverMetadata',
        summary: 'Describe the server',
        tags,
        response: {
          200: answer('The server.', 'application/json', ServerMetadata, server),
          ...openInferenceErrors(...KEY_PROBLEMS),
        },
      },
    },
    async () => server,
  );
  app.get(
    '/v2/models',
    {
      config: { scope: 'any' },
      schema: {
        operationId: 'modelNames',
        summary: 'List the names of the models',
        tags,
        response: {
          200: answer('The names.', 'application/json', ModelNames, { models: ['cifar10-resnet14'] }),
          ...openInferenceErrors(...KEY_PROBLEMS),
        },
      },
    },
    async () => ({ models: inference.models().map(({ name }) => name) }),
  );

  const describe = (request: FastifyRequest, which: { model: string; version?: string }) => {
    const chosen = chooseVersion(inference, which);
    return modelMetadata(chosen, inference.model(chosen.name).versions, seesStatic(request));
  };
  const metadata = {
    summary: 'Describe the tensors of a model',
    tags,
    response: {
      200: answer('The model.', 'application/json', ModelMetadata, METADATA_EXAMPLE),
      ...errors,
    },
  };
  app.get(
    '/v2/models/:model',
    { config: { scope: 'any' }, schema: { ...metadata, operationId: 'modelMetadata', params: NamedModel } },
    async (request) => describe(request, request.params),
  );
  app.get(
    '/v2/models/:model/versions/:version',
    {
      config: { scope: 'any' },
      schema: { ...metadata, operationId: 'versionMetadata', params: NamedVersion },
    },
    async (request) => describe(request, request.params),
  );

  const ready = {
    summary: 'Whether a model is ready',
    tags,
    response: {
      200: answer('It is.', 'application/json', ModelReady, { name: 'cifar10-resnet14', ready: true }),
      ...errors,
    },
  };
  app.get(
    '/v2/models/:model/ready',
    {
      config: { polled: true, scope: 'any' },
      schema: { ...ready, operationId: 'modelReady', params: NamedModel },
    },
    async ({ params }) => ({ name: chooseVersion(inference, params).name, ready: true as const }),
  );
  app.get(
    '/v2/models/:model/versions/:version/ready',
    {
      config: { polled: true, scope: 'any' },
      schema: { ...ready, operationId: 'versionReady', params: NamedVersion },
    },
    async ({ params }) => ({ name: chooseVersion(inference, params).name, ready: true as const }),
  );

  const config = {
    summary: "A model's configuration in Triton's terms",
    tags,
    response: {
      200: answer('The configuration.', 'application/json', ModelConfig, CONFIG_EXAMPLE),
      ...errors,
    },
  };
  app.get(
    '/v2/models/:model/config',
    { config: { scope: 'any' }, schema: { ...config, operationId: 'modelConfig', params: NamedModel } },
    async (request) => modelConfig(chooseVersion(inference, request.params), seesStatic(request)),
  );
  app.get(
    '/v2/models/:model/versions/:version/config',
    { config: { scope: 'any' }, schema: { ...config, operationId: 'versionConfig', params: NamedVersion } },
    async (request) => modelConfig(chooseVersion(inference, request.params), seesStatic(request)),
  );
}
