import { readFile } from 'node:fs/promises';
import type { Static } from 'typebox';
import Value from 'typebox/value';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { parse } from 'yaml';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import type { ModelSummary, Prediction } from '../../inference/inference.ts';
import { MODEL_EXAMPLE, ModelSchema } from '../v1/schemas/model.ts';
import {
  PREDICTION_EXAMPLE,
  PredictionResultsSchema,
  PredictionSchema,
  RESULTS_EXAMPLE,
} from '../v1/schemas/prediction.ts';
import { RecipeSchema } from '../v1/schemas/recipe.ts';
import { ProblemSchema } from './problem.ts';
import type { VisiblePrediction } from './visibility.ts';

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  requestBody?: {
    required: boolean;
    content: Record<string, { schema: object; examples?: Record<string, { value: object }> }>;
  };
  security?: object[];
  responses: Record<string, { description: string; headers: Record<string, object>; content: object }>;
}

/** Routes that need no key where keys are configured. */
const OPEN = ['GET /v2/health/live', 'GET /v2/health/ready', 'GET /openapi.yaml', 'GET /v1/playground'];

let test: TestApp;
let yaml: string;
let operations: [string, Operation][];
beforeAll(async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  test = await buildTestApp({ version });
  yaml = (await test.app.inject('/openapi.yaml')).body;
  const { paths } = parse(yaml) as { paths: Record<string, Record<string, Operation>> };
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
});
afterAll(() => test.app.close());

it('is the document in the repository (npm run openapi writes it)', async () => {
  await expect(yaml).toMatchFileSnapshot('../../../openapi.yaml');
});

it('documents every route of the interface, each under a name of its own', () => {
  expect(operations.map(([name]) => name)).toEqual([
    'POST /v1/predict',
    'POST /v1/models/{name}/predict',
    'POST /v1/models/{name}/versions/{version}/predict',
    'GET /v1/predictions/{id}',
    'GET /v1/models',
    'GET /v1/models/{name}',
    'GET /v2/health/live',
    'GET /v2/health/ready',
    'GET /metrics',
    'GET /openapi.yaml',
    'GET /v1/playground',
    'POST /v1/models/{name}/attack',
    'GET /v2',
    'GET /v2/models',
    'GET /v2/models/{model}',
    'GET /v2/models/{model}/versions/{version}',
    'GET /v2/models/{model}/ready',
    'GET /v2/models/{model}/versions/{version}/ready',
    'GET /v2/models/{model}/config',
    'GET /v2/models/{model}/versions/{version}/config',
    'GET /v2/models/stats',
    'GET /v2/models/{model}/stats',
    'GET /v2/models/{model}/versions/{version}/stats',
    'POST /v2/models/{model}/infer',
    'POST /v2/models/{model}/versions/{version}/infer',
    'POST /v2/repository/index',
    'POST /v2/repository/models/{model}/load',
    'POST /v2/repository/models/{model}/unload',
  ]);
  expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length);
  for (const [name, { summary, tags, security, responses }] of operations) {
    expect(summary).toBeTruthy();
    expect(tags).toHaveLength(1);
    const needsKey = !OPEN.includes(name);
    expect(security).toEqual(needsKey ? [{ bearerAuth: [] }, { apiKey: [] }, {}] : []);
    for (const status of ['401', '403', '429']) expect(status in responses).toBe(needsKey);
    for (const [status, { description, headers }] of Object.entries(responses)) {
      expect(description).not.toBe('Default Response');
      expect(headers).toHaveProperty('X-Request-Id');
      if (status === '401') expect(headers).toHaveProperty('WWW-Authenticate');
      if (status === '429') expect(headers).toHaveProperty('Retry-After');
    }
  }
});

it('documents the ways to send images, and the examples of JSON work', async () => {
  const [, { requestBody }] = operations[0]!;
  expect(requestBody!.required).toBe(true);
  expect(Object.keys(requestBody!.content)).toEqual([
    'application/octet-stream',
    'multipart/form-data',
    'application/json',
  ]);
  const [one, several] = Object.values(requestBody!.content['application/json']!.examples!);
  const reply = await test.app.inject({ method: 'POST', url: '/v1/predict', payload: one!.value });
  expect(reply.statusCode).toBe(200);
  expect(Value.Check(PredictionSchema, reply.json())).toBe(true);
  const list = await test.app.inject({ method: 'POST', url: '/v1/predict', payload: several!.value });
  expect(list.json().results).toHaveLength(2);
});

it('has bodies and answers that generators of clients know, each under a name', () => {
  const known =
    /^(?:application\/(?:json|problem\+json|octet-stream)|multipart\/form-data|image\/png|text\/plain(?:;.*)?)$/;
  const anonymous = (value: unknown, path: string): string[] => {
    if (typeof value !== 'object' || value === null) return [];
    const inside = Object.entries(value).filter(([key]) => !/^examples?$/.test(key));
    return [
      ...('properties' in value ? [path] : []),
      ...inside.flatMap(([key, each]) => anonymous(each, `${path} ${key}`)),
    ];
  };
  for (const [name, { requestBody, responses }] of operations) {
    const types = [requestBody, ...Object.values(responses)].flatMap((each) =>
      Object.keys(each?.content ?? {}),
    );
    expect(types.filter((type) => !known.test(type))).toEqual([]);
    expect(anonymous({ requestBody, responses }, name)).toEqual([]);
  }
});

describe('generators of clients', () => {
  const schemasWhere = (
    odd: (schema: object) => boolean,
    value: unknown = parse(yaml),
    path = '',
  ): string[] =>
    typeof value !== 'object' || value === null
      ? []
      : [
          ...(odd(value) ? [path] : []),
          ...Object.entries(value).flatMap(([key, each]) => schemasWhere(odd, each, `${path}/${key}`)),
        ];

  it('in Go find no list of types, which they do not know', () => {
    expect(schemasWhere((schema) => 'type' in schema && Array.isArray(schema.type))).toEqual([]);
  });

  it('in Python find no enumeration of booleans, which they compare as texts', () => {
    const isBoolean = (each: unknown) => typeof each === 'boolean';
    expect(
      schemasWhere((schema) => 'enum' in schema && Array.isArray(schema.enum) && schema.enum.some(isBoolean)),
    ).toEqual([]);
  });
});

it('is the same to readers of YAML 1.1, to whom on and off are booleans', () => {
  expect(parse(yaml, { version: '1.1' })).toEqual(parse(yaml));
});

describe('the schemas', () => {
  it('are the types of the use case', () => {
    expectTypeOf<Static<typeof PredictionSchema>>().toExtend<VisiblePrediction>();
    expectTypeOf<Prediction>().toExtend<
      Readonly<Pick<Static<typeof PredictionSchema>, 'id' | 'static' | 'batch'>>
    >();
    expectTypeOf<keyof Prediction>().toEqualTypeOf<keyof Static<typeof PredictionSchema>>();
    expectTypeOf<Static<typeof ModelSchema>>().toExtend<ModelSummary>();
    expectTypeOf<keyof ModelSummary>().toEqualTypeOf<keyof Static<typeof ModelSchema>>();
    expectTypeOf<keyof NonNullable<ModelSummary['recipes']>[string]>().toEqualTypeOf<
      keyof Static<typeof RecipeSchema>
    >();
  });

  it('fit their examples and what is served', async () => {
    const context = { 'Recipe#': RecipeSchema, 'Prediction#': PredictionSchema, 'Problem#': ProblemSchema };
    const model = (await test.app.inject('/v1/models/colours')).json();
    for (const each of [MODEL_EXAMPLE, model]) expect(Value.Check(context, ModelSchema, each)).toBe(true);
    expect(Value.Check(context, ModelSchema, { ...model, recipes: { bad: {} } })).toBe(false);

    const prediction = await test.app.inject({
      method: 'POST',
      url: '/v1/predict',
      headers: { 'content-type': 'image/png' },
      payload: await encoded('png', [1, 2, 3]),
    });
    for (const each of [PREDICTION_EXAMPLE, prediction.json()]) {
      expect(Value.Check(PredictionSchema, each)).toBe(true);
    }

    const images = [await encoded('png', [1, 2, 3]), Buffer.from('none')].map((each) =>
      each.toString('base64'),
    );
    const list = await test.app.inject({ method: 'POST', url: '/v1/predict', payload: { images } });
    for (const each of [RESULTS_EXAMPLE, list.json()]) {
      expect(Value.Check(context, PredictionResultsSchema, each)).toBe(true);
    }
    expect(Value.Check(context, PredictionResultsSchema, { results: [{}] })).toBe(false);
  });
});
