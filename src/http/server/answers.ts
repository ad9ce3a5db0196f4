import type { ErrorCode } from '../../errors.ts';
import { ERROR_STATUS } from './error-status.ts';
import { createProblem, PROBLEM_TYPE } from './problem.ts';

const REQUEST_ID = {
  'X-Request-Id': {
    type: 'string',
    pattern: '^[A-Za-z0-9_.-]{1,128}$',
    description: 'Names the request in the log too; your own X-Request-Id if you sent one.',
  },
};
const WWW_AUTHENTICATE = {
  'WWW-Authenticate': { type: 'string', description: 'Asks for a bearer token, which is a key.' },
};
const RETRY_AFTER = {
  'Retry-After': { type: 'integer', minimum: 1, description: 'Seconds after which a retry makes sense.' },
};

/** An answer of one content type, in the form that Fastify and OpenAPI both read. */
export const answer = (
  description: string,
  type: string,
  schema: object,
  example?: unknown,
  headers: object = {},
) => ({
  description,
  headers: { ...REQUEST_ID, ...headers },
  content: { [type]: { schema, ...(example !== undefined && { example }) } },
});

/** An answer without a body; `null` means that to the writer of the document. */
export const emptyAnswer = (description: string) => ({ description, headers: REQUEST_ID, type: 'null' });

/** For each code that an operation documents: when it happens, and an example of its sentence. */
const PROBLEMS = {
  invalid_image: ['the image is none, or broken', 'The image is not a JPEG, PNG, WebP or AVIF file.'],
  invalid_request: [
    'a parameter or the body is wrong',
    'There is no query parameter "topk"; there are "recipe", "top_k", "trace", and "timeout_ms".',
  ],
  unknown_recipe: [
    'the model has no such recipe',
    'The model "cifar10-resnet14" has no recipe "strong"; its recipes are brief, isolated.',
  ],
  unauthorized: ['keys are configured, and the request has none that is known', 'The key is not known here.'],
  forbidden: ['the key is not for this', 'The key "app" has no scope "admin".'],
  unknown_model: [
    'there is no such model or version',
    'There is no model "resnet"; the models are cifar10-resnet14.',
  ],
  unknown_prediction: [
    'there is no such prediction, or no more',
    'There is no prediction with this id, or not any more.',
  ],
  too_large: [
    'the body has too many bytes, or the image too many pixels',
    'The image has more than 25000000 pixels.',
  ],
  unsupported_media_type: [
    'the body is no image, no form and no JSON, or compressed in an unknown way',
    'The content encoding of a request must be gzip, deflate or br; send the body as it is, or compressed by one of them.',
  ],
  queue_full: ['too many images wait already', 'Too many images wait for this model already.'],
  rate_limited: [
    'the key has asked for too much, or the service is sent too much at a time',
    'The key "app" may send 20 images or requests a second.',
  ],
  internal: [
    'something went wrong inside',
    'Something went wrong inside the service; its log has the request id.',
  ],
  not_ready: ['the model is loading', 'Version 1 of the model "cifar10-resnet14" is still loading.'],
  draining: ['the service is shutting down', 'The service is shutting down.'],
  queue_unavailable: ['the workers cannot be reached', 'The queue cannot be used at present.'],
  timeout: ['the deadline passed', 'The deadline passed before the answer was ready.'],
} as const satisfies Partial<Record<ErrorCode, readonly [when: string, detail: string]>>;

/** The failures of every operation that needs a key. */
export const KEY_PROBLEMS = ['unauthorized', 'forbidden', 'rate_limited'] as const;

/** The failures of every operation that predicts. Where it decodes images, `invalid_image` is one more. */
export const PREDICT_PROBLEMS = [
  ...KEY_PROBLEMS,
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
] as const;

type Code = keyof typeof PROBLEMS;

/** How an API writes its errors. */
interface ErrorForm {
  readonly type: string;
  readonly schema: object;
  readonly write: (code: Code, detail: string) => object;
}

const PROBLEM_FORM: ErrorForm = { type: PROBLEM_TYPE, schema: { $ref: 'Problem#' }, write: createProblem };
const OPEN_INFERENCE_FORM: ErrorForm = {
  type: 'application/json',
  schema: { $ref: 'OpenInferenceError#' },
  write: (_code, error) => ({ error }),
};

/** The answers of /v1 for an operation that fails with one of `codes`, or with `internal`, by status. */
export const problems = (...codes: readonly Code[]): object => failures(codes, PROBLEM_FORM);

/** The same of /v2. */
export const openInferenceErrors = (...codes: readonly Code[]): object =>
  failures(codes, OPEN_INFERENCE_FORM);

function failures(codes: readonly Code[], form: ErrorForm): object {
  const documented = [...codes, 'internal'] as const;
  const statuses = new Set(documented.map((code) => ERROR_STATUS[code]));
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      failure(
        status,
        documented.filter((code) => ERROR_STATUS[code] === status),
        form,
      ),
    ]),
  );
}

const failure = (status: number, codes: readonly Code[], { type, schema, write }: ErrorForm) => ({
  description: codes.map((code) => `${code}: ${PROBLEMS[code][0]}.`).join(' '),
  headers: {
    ...REQUEST_ID,
    ...(status === 401 && WWW_AUTHENTICATE),
    ...((status === 429 || status === 503) && RETRY_AFTER),
  },
  content: {
    [type]: {
      schema,
      examples: Object.fromEntries(codes.map((code) => [code, { value: write(code, PROBLEMS[code][1]) }])),
    },
  },
});
