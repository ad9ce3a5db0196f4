import Value from 'typebox/value';
import { ServiceError } from '../../errors.ts';
import type { Inference, ModelSummary } from '../../inference/inference.ts';
import type { ModelControl } from '../../models/index.ts';
import { answer, emptyAnswer, KEY_PROBLEMS, openInferenceErrors } from '../server/answers.ts';
import type { App } from '../server/app-instance.ts';
import { type Lifecycle, refuseWhileEnding } from '../server/lifecycle.ts';
import { jsonOf } from './body.ts';
import { NamedModel } from './schemas/open-inference.ts';
import {
  ControlRequest,
  INDEX_EXAMPLE,
  IndexRequest,
  RepositoryIndex,
  type RepositoryIndexBody,
} from './schemas/repository.ts';

type IndexEntry = RepositoryIndexBody[number];

const STATES = {
  ready: 'READY',
  loading: 'LOADING',
  failed: 'UNAVAILABLE',
  unloaded: 'UNAVAILABLE',
} as const satisfies Record<ModelSummary['versions'][number]['state'], IndexEntry['state']>;

/** One line for each version. One line for a model without any version. */
function indexModel({ name, reason = '', versions }: ModelSummary): IndexEntry[] {
  if (versions.length === 0) return [{ name, state: 'UNAVAILABLE', reason }];
  return versions.map((each) => ({
    name,
    version: String(each.version),
    state: STATES[each.state],
    reason: each.reason ?? (each.state === 'unloaded' ? 'unloaded' : reason),
  }));
}

/** The body of an index request, which may be missing. */
function readIndexRequest(body: unknown): { readonly ready?: boolean } {
  const request = jsonOf(body) ?? {};
  if (Value.Check(IndexRequest, request)) return request;
  throw new ServiceError('invalid_request', 'The body must be a JSON object; its field "ready", a boolean.');
}

/** Loading serves what the repository holds: a request can set nothing. */
function checkControlRequest(body: unknown): void {
  const request = jsonOf(body) ?? {};
  if (!Value.Check(ControlRequest, request)) {
    throw new ServiceError(
      'invalid_request',
      'The body must be a JSON object; its field "parameters" another.',
    );
  }
  const { unload_dependents: _, ...others } = request.parameters ?? {};
  const [parameter] = Object.keys(others);
  if (parameter === undefined) return;
  throw new ServiceError(
    'invalid_request',
    `The parameter ${JSON.stringify(parameter.slice(0, 100))} is not supported: a model is what the repository holds.`,
  );
}

export interface RepositoryRoutesDeps {
  readonly inference: Inference;
  readonly control: ModelControl;
  readonly lifecycle: Lifecycle;
}

/** The contents of the repository, and which of them are loaded. */
export function repositoryRoutes(app: App, { inference, control, lifecycle }: RepositoryRoutesDeps): void {
  const tags = ['open inference'];
  app.post(
    '/v2/repository/index',
    {
      config: { scope: 'any' },
      schema: {
        operationId: 'repositoryIndex',
        summary: 'List the versions in the repository and their states',
        description: 'The body may be empty, or `{"ready": true}` for the ready ones only.',
        tags,
        response: {
          200: answer('The versions.', 'application/json', RepositoryIndex, INDEX_EXAMPLE),
          ...openInferenceErrors(...KEY_PROBLEMS, 'invalid_request', 'unsupported_media_type'),
        },
      },
    },
    async ({ body }) => {
      const { ready } = readIndexRequest(body);
      const index = inference.models().flatMap(indexModel);
      return ready ? index.filter(({ state }) => state === 'READY') : index;
    },
  );

  const change = {
    config: { scope: 'admin' as const, changes: true },
    onRequest: refuseWhileEnding(lifecycle),
  };
  const schema = { tags, params: NamedModel };
  const errors = [
    ...KEY_PROBLEMS,
    'invalid_request',
    'unknown_model',
    'unsupported_media_type',
    'draining',
  ] as const;
  app.post(
    '/v2/repository/models/:model/load',
    {
      ...change,
      schema: {
        ...schema,
        operationId: 'loadModel',
        summary: 'Load a model as the repository holds it now',
        description:
          'Answers when the model is served, or with why it cannot be; what served before goes on then. Concerns this process alone. The body may be empty.',
        response: {
          200: emptyAnswer('It is served.'),
          ...openInferenceErrors(...errors, 'not_ready'),
        },
      },
    },
    async ({ params, body }, reply) => {
      checkControlRequest(body);
      await control.loadModel(params.model);
      return reply.send();
    },
  );
  app.post(
    '/v2/repository/models/:model/unload',
    {
      ...change,
      schema: {
        ...schema,
        operationId: 'unloadModel',
        summary: 'Serve a model no more until it is loaded again',
        description:
          'Answers when what was accepted for the model is answered. Concerns this process alone, until it ends. The body may be empty.',
        response: { 200: emptyAnswer('It is not served any more.'), ...openInferenceErrors(...errors) },
      },
    },
    async ({ params, body }, reply) => {
      checkControlRequest(body);
      await control.unloadModel(params.model);
      return reply.send();
    },
  );
}
