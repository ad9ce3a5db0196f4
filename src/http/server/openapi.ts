import swagger from '@fastify/swagger';
import { stringify } from 'yaml';
import { ModelSchema } from '../v1/schemas/model.ts';
import { ImageRequestSchema, ImagesRequestSchema } from '../v1/schemas/predict.ts';
import {
  AcceptedPredictionSchema,
  PredictionResultsSchema,
  PredictionSchema,
} from '../v1/schemas/prediction.ts';
import { RecipeSchema } from '../v1/schemas/recipe.ts';
import { InferRequest, InferResponse } from '../v2/schemas/infer.ts';
import { OpenInferenceErrorSchema } from '../v2/schemas/open-inference.ts';
import type { App } from './app-instance.ts';
import { nameSchemas } from './named-schemas.ts';
import { ProblemSchema } from './problem.ts';

const DESCRIPTION = [
  'Serves image classifiers with a defence that works at test time: each batch of images is adapted by defensive entropy ' +
    'minimisation (dent) before it is predicted.',
  'Errors under /v1 are problems (RFC 9457) whose `code` says what happened; docs/errors.md lists the codes. A path answers ' +
    'methods it does not have with 405 and `Allow`. A request that HTTP itself cannot read is answered with 400, one that ' +
    'takes too long to arrive with 408, one with too large headers with 431, and the code `invalid_request`.',
  'Where the operator has configured keys, predictions need one of the scope `predict`, metrics one of the scope `metrics`, and ' +
    'what is served any.',
].join('\n\n');

/** A key is needed only where the operator has configured keys. */
const KEY_OR_NONE = [{ bearerAuth: [] }, { apiKey: [] }, {}];
const securitySchemes = {
  bearerAuth: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key, where the operator has configured keys.',
  },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same key in another header.' },
} as const;

/** Collects the routes that are added from now on into the OpenAPI document. */
export async function documentApi(app: App, version: string): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, security: route.config?.scope === 'open' ? [] : KEY_OR_NONE };
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'dent-serve',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      // The address that the document was fetched from.
      servers: [{ url: '/' }],
      components: { securitySchemes },
      tags: [
        { name: 'predict', description: 'Classify images.' },
        { name: 'models', description: 'What is served.' },
        {
          name: 'open inference',
          description: 'The Open Inference Protocol, which KServe, Triton and their clients speak.',
        },
        {
          name: 'playground',
          description:
            'Attacks, for people who want to see one. Off by default on an address that others can reach.',
        },
        { name: 'health', description: 'For load balancers and orchestrators.' },
        { name: 'operations', description: 'Metrics and this document.' },
      ],
    },
    transformObject: (document) =>
      nameSchemas('openapiObject' in document ? document.openapiObject : document.swaggerObject),
    refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `schema-${i}`) },
  });
  const shared = [
    ProblemSchema,
    ImageRequestSchema,
    ImagesRequestSchema,
    PredictionSchema,
    PredictionResultsSchema,
    AcceptedPredictionSchema,
    RecipeSchema,
    ModelSchema,
    OpenInferenceErrorSchema,
    InferRequest,
    InferResponse,
  ];
  for (const schema of shared) app.addSchema(schema);
}

/** The document of a ready app as YAML. Words that YAML 1.1 misreads, such as `on`, are quoted. */
export const openapiYaml = (app: App): string =>
  stringify(app.swagger(), { aliasDuplicateObjects: false, compat: 'yaml-1.1', lineWidth: 120 });
