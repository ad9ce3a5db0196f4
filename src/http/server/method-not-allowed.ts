import type { FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { ServiceError } from '../../errors.ts';
import type { App } from './app-instance.ts';
import { isForPages } from './cross-origin.ts';

/**
 * Answers 405 with `Allow` on every path that is added by `addRoutes`, for the methods it has no route for.
 */
export function refuseOtherMethods(app: App, addRoutes: () => void): void {
  const methodsByUrl = new Map<string, Set<string>>();
  const urlsForPages = new Set<string>();
  let collecting = true;
  app.addHook('onRoute', ({ url, method, config = {} }) => {
    if (!collecting) return;
    const methods = methodsByUrl.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    methodsByUrl.set(url, methods);
    if (isForPages(config)) urlsForPages.add(url);
  });
  addRoutes();
  collecting = false;

  for (const [url, methods] of methodsByUrl) {
    const allow = [...methods].sort().join(', ');
    const refuse = async (request: FastifyRequest, reply: FastifyReply) => {
      reply.header('allow', allow);
      throw new ServiceError(
        'method_not_allowed',
        `${request.method} is not allowed here; allowed: ${allow}.`,
      );
    };
    app.route({
      url,
      method: app.supportedMethods.filter((method) => !methods.has(method)) as HTTPMethods[],
      schema: { hide: true },
      config: { scope: 'open', preflight: urlsForPages.has(url) },
      // As a hook, so that the body is not read first.
      onRequest: refuse,
      handler: refuse,
    });
  }
}
