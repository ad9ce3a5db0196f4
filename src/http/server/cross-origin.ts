import type { FastifyContextConfig } from 'fastify';
import type { App } from './app-instance.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For the route that answers OPTIONS at a path that pages of other origins may use. */
    preflight?: boolean;
  }
}

/** Headers of an answer that a page's script may read, besides those that every script may. */
const EXPOSED = [
  'allow',
  'idempotent-replayed',
  'inference-header-content-length',
  'location',
  'preference-applied',
  'retry-after',
  'www-authenticate',
  'x-request-id',
];

/**
 * Headers that a page's script may send. Keys are among them: the script has to know them, unlike cookies.
 */
const ALLOWED = [
  'authorization',
  'content-encoding',
  'content-type',
  'dent-priority',
  'idempotency-key',
  'inference-header-content-length',
  'prefer',
  'traceparent',
  'tracestate',
  'x-api-key',
  'x-request-id',
];

/** How long a browser may reuse one preflight. Most allow no more than this. */
const PREFLIGHT_SECONDS = 7200;

/**
 * Predictions, and the description of what is served. No route that changes the service, and none for
 * monitoring.
 */
export const isForPages = ({ scope, preflight }: FastifyContextConfig): boolean =>
  scope === 'predict' || scope === 'any' || preflight === true;

/**
 * Lets pages of `origins` ask for predictions and for what is served, and answers the preflights of browsers.
 * `*` stands for every origin. Cookies are not used, so a page can do no more than any program with the same
 * key.
 */
export function allowOrigins(app: App, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const forAll = origins.includes('*');

  app.addHook('onRequest', async (request, reply) => {
    if (!isForPages(request.routeOptions.config)) return;
    if (!forAll) reply.header('vary', 'Origin');
    const { origin, 'access-control-request-method': asked } = request.headers;
    if (origin === undefined || !(forAll || origins.includes(origin))) return;
    reply.header('access-control-allow-origin', forAll ? '*' : origin);
    reply.header('access-control-expose-headers', EXPOSED.join(', '));
    if (request.method !== 'OPTIONS' || asked === undefined) return;
    // Before a key is checked: browsers send none with a preflight.
    reply.header('access-control-allow-methods', 'GET, HEAD, POST');
    reply.header('access-control-allow-headers', ALLOWED.join(', '));
    reply.header('access-control-max-age', PREFLIGHT_SECONDS);
    return reply.code(204).send();
  });
}
