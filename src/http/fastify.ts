import { parse } from 'node:querystring';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import type { App } from './app-instance.ts';
import { answerClientError } from './client-error.ts';
import { sendError } from './errors.ts';
import { type HttpObserver, observe } from './observation.ts';
import { requestId } from './request-id.ts';
import { validationError } from './validation.ts';

export interface HttpLimits {
  /** Bytes of a request's body; more are answered with 413. */
  readonly bodyBytes: number;
  /** How long a request may take to arrive in full. */
  readonly requestTimeoutMs: number;
}

const HEADERS_TIMEOUT_MS = 15_000;
/** How often Node looks for requests that take too long. */
const TIMEOUT_CHECK_MS = 1000;

/** A Fastify app without routes, set up as every app of this room. */
export function createFastify(
  { observer, logger }: { readonly observer: HttpObserver; readonly logger: FastifyBaseLogger },
  limits: HttpLimits,
): App {
  return Fastify({
    loggerInstance: logger,
    // One line a request, written by `observe`, which also sees clients that hang up.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    requestIdHeader: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, limits.requestTimeoutMs),
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.requestTimeoutMs),
    },
    // While it closes, the app itself says so, in the words of its other errors.
    return503OnClosing: false,
    routerOptions: {
      maxParamLength: 128,
      // Clients of the Open Inference Protocol do not agree on whether /v2 ends in a slash.
      ignoreTrailingSlash: true,
      // A plus is a plus, as in a path (RFC 3986), and recipes have it in their names. Only forms mean a space by it.
      querystringParser: (query) => parse(query.replaceAll('+', '%2B')),
    },
    ajv: { customOptions: { removeAdditional: false, useDefaults: false, coerceTypes: true } },
    schemaErrorFormatter: validationError,
    frameworkErrors: (error, request, reply) => {
      // Fastify runs no hooks for these.
      observe(observer, request, reply);
      return sendError(error, request, reply);
    },
    clientErrorHandler: answerClientError,
  });
}
