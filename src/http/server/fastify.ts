import { parse } from 'node:querystring';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import { limitUploads } from '../body/uploads.ts';
import type { App } from './app-instance.ts';
import { answerClientError } from './client-error.ts';
import { limitConnections } from './connections.ts';
import { sendError } from './errors.ts';
import { type HttpObserver, observe } from './observation.ts';
import { requestId } from './request-id.ts';
import { spreadRequests } from './spread-requests.ts';
import { validationError } from './validation.ts';

export interface HttpLimits {
  /** Bytes of a request's body. More are answered with 413. */
  readonly bodyBytes: number;
  /** Bytes of the bodies of all requests that arrive at a time. */
  readonly uploadBytes: number;
  /** How long a request may take to arrive in full. */
  readonly requestTimeoutMs: number;
  /** Connections that are open at a time. */
  readonly connections: number;
}

const HEADER_BYTES = 16 * 1024;
/** Node drops headers beyond this number. */
const HEADER_COUNT = 100;
const KEEP_ALIVE_MS = 72_000;
const REQUESTS_PER_CONNECTION = 10_000;
const HEADERS_TIMEOUT_MS = 15_000;
const STALL_MS = 30_000;
/** How often Node looks for requests that take too long. */
const TIMEOUT_CHECK_MS = 1000;

/** A Fastify app without routes, set up like every app of this room. */
export function createFastify(
  { observer, logger }: { readonly observer: HttpObserver; readonly logger: FastifyBaseLogger },
  limits: HttpLimits,
): App {
  const app: App = Fastify({
    loggerInstance: logger,
    // `observe` writes one line per request, and also sees clients that hang up.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    requestIdHeader: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    // Longer than the minute after which load balancers give up idle connections, so that they close them
    // first.
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Now and then a connection is opened anew, so that load spreads to added instances.
    maxRequestsPerSocket: REQUESTS_PER_CONNECTION,
    http: {
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, limits.requestTimeoutMs),
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.requestTimeoutMs),
    },
    // While it closes, the app itself says so, in the words of its other errors.
    return503OnClosing: false,
    routerOptions: {
      maxParamLength: 128,
      // Clients of the Open Inference Protocol disagree on whether /v2 ends in a slash.
      ignoreTrailingSlash: true,
      // A plus is a plus, as in a path (RFC 3986): recipes have it in their names. Only forms use it for a
      // space.
      querystringParser: (query) => parse(query.replaceAll('+', '%2B')),
    },
    // Verbose, so that a complaint about a name can list the known names.
    ajv: { customOptions: { removeAdditional: false, useDefaults: false, coerceTypes: true, verbose: true } },
    schemaErrorFormatter: validationError,
    frameworkErrors: (error, request, reply) => {
      // Fastify runs no hooks for these.
      observe(observer, request, reply);
      return sendError(error, request, reply);
    },
    clientErrorHandler: answerClientError,
  });
  app.server.maxHeadersCount = HEADER_COUNT;
  const connections = { max: limits.connections, stallMs: STALL_MS };
  spreadRequests(app.server, limitConnections(app.server, connections, tellOfFlood(logger)));
  limitUploads(app, limits.uploadBytes);
  return app;
}

/** Of a flood that lasts, one line in this time is enough. */
const REPEAT_MS = 30_000;

function tellOfFlood(log: FastifyBaseLogger): () => void {
  let closed = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  return () => {
    closed += 1;
    if (performance.now() - toldMs < REPEAT_MS) return;
    toldMs = performance.now();
    log.warn({ closed }, 'closed a connection to make room for another: the maximum number is open');
  };
}
