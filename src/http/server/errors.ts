import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, ServiceError } from '../../errors.ts';
import type { App } from './app-instance.ts';
import { PROBLEM_TYPE, retryAfter, toProblem } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The request's failure, for its line in the log. Null where it did not fail. */
    failure: ErrorCode | null;
  }
}

/** Fastify's refusal of a request, in the words of the service. */
function refusal(
  { code, message, statusCode = 500 }: FastifyError,
  request: FastifyRequest,
): ServiceError | undefined {
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ServiceError('too_large', `The body has more than ${request.routeOptions.bodyLimit} bytes.`);
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new ServiceError('not_found', 'A part of the path is too long to be a name.');
    case 'FST_ERR_BAD_URL':
      return new ServiceError('invalid_request', 'The path is not a valid URL.');
    default:
      return statusCode < 500 ? new ServiceError('invalid_request', message) : undefined;
  }
}

/** Any thrown value as an error of the service. Unexpected ones become `internal`. */
function toServiceError(error: unknown, request: FastifyRequest): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error !== null && error === request.raw.errored) {
    return new ServiceError('cancelled', 'The request was cut short.');
  }
  const known = isFastifyError(error) ? refusal(error, request) : undefined;
  return known ?? new ServiceError('internal', 'Something unexpected was thrown.');
}

const isFastifyError = (error: unknown): error is FastifyError =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('FST_');

/** Whether a URL belongs to the Open Inference Protocol, whose errors have another shape. */
const isOpenInference = (url: string): boolean => /^\/v2(?:[/?#]|$)/.test(url);

/** The failure of a request, or of a part of it, for its caller. Unexpected ones are logged. */
export function failureOf(error: unknown, request: FastifyRequest): ServiceError {
  const failure = toServiceError(error, request);
  if (failure.code === 'internal') request.log.error({ err: error }, 'request failed');
  return failure;
}

/** Answers with the error: a problem, or under /v2 an error of the Open Inference Protocol. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = failureOf(error, request);
  const problem = toProblem(failure);
  const seconds = retryAfter(failure);
  request.failure = failure.code;
  reply.code(problem.status);
  if (seconds !== undefined) reply.header('retry-after', seconds);
  const [type, body] = isOpenInference(request.url)
    ? ['application/json', { error: problem.detail }]
    : [PROBLEM_TYPE, problem];
  // As bytes, because Fastify adds a charset to JSON text, which these types do not have.
  return reply.type(type).send(Buffer.from(JSON.stringify(body)));
}

function notFound({ url }: FastifyRequest): ServiceError {
  const path = url.split('?', 1)[0]!.slice(0, 200);
  return new ServiceError('not_found', `There is nothing at ${path}; /openapi.yaml lists the paths.`);
}

/** Every error of every route leaves through `sendError`. */
export function handleErrors(app: App): void {
  app.decorateRequest('failure', null);
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) => sendError(notFound(request), request, reply));
  // Before the body is read: without a route its type does not matter.
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw notFound(request);
  });
}
