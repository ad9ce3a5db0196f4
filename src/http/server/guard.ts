import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Access, Caller, Scope } from '../../access/access.ts';
import { ServiceError } from '../../errors.ts';
import type { App } from './app-instance.ts';
import { onRequestEnd } from './request-end.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The scope that a key needs, where keys are configured. `any`: any key. `open`: no key. An app with a
     * route without a scope does not become ready.
     */
    scope?: Scope | 'any' | 'open';
  }
  interface FastifyRequest {
    /** The caller whose key the request has. Null where it has no known key. */
    caller: Caller | null;
  }
  interface FastifyInstance {
    asksForKeys: boolean;
  }
}

const REALM = 'Bearer realm="dent-serve"';

/**
 * The keys of a request. A proxy in front may use the authorization header for itself, so there is another
 * one for us.
 */
function keysOf({ headers }: FastifyRequest): string[] {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  return [bearer, headers['x-api-key']].filter((key) => typeof key === 'string' && key !== '') as string[];
}

const find = (access: Access, keys: readonly string[]): Caller | undefined =>
  keys.map((key) => access.find(key)).find((caller) => caller !== undefined);

function identify(access: Access, request: FastifyRequest, reply: FastifyReply): Caller {
  const keys = keysOf(request);
  const caller = find(access, keys);
  if (caller !== undefined) return caller;
  const isUnknown = keys.length > 0;
  reply.header('www-authenticate', isUnknown ? `${REALM}, error="invalid_token"` : REALM);
  const sentence = isUnknown
    ? 'The key is not known here.'
    : 'A key is needed: send it as "Authorization: Bearer KEY" or as "X-API-Key: KEY".';
  throw new ServiceError('unauthorized', sentence);
}

/**
 * Whether the caller of an open route may see what keys of these scopes may see. Everybody may where there
 * are no keys.
 */
export const maySee = ({ server, caller }: FastifyRequest, ...scopes: readonly Scope[]): boolean =>
  !server.asksForKeys || scopes.some((scope) => caller?.scopes.includes(scope));

/** Rejects `app.ready()` where a route added from now on has no scope. */
function requireScopes(app: App): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void routes.push(route));
  app.addHook('onReady', async () => {
    const silent = routes.find(({ config }) => config?.scope === undefined);
    if (silent) throw new Error(`The route ${silent.method} ${silent.url} does not declare its scope.`);
  });
}

/**
 * Lets requests in by the scope of their route, before their body is read. Without `access` every route is
 * open.
 */
export function guard(app: App, access: Access | undefined): void {
  app.decorateRequest('caller', null);
  app.decorate('asksForKeys', access !== undefined);
  requireScopes(app);
  if (access === undefined) return;
  app.addHook('onRequest', async (request, reply) => {
    const { scope } = request.routeOptions.config;
    if (scope === 'open') {
      request.caller = find(access, keysOf(request)) ?? null;
      return;
    }
    const caller = identify(access, request, reply);
    request.caller = caller;
    if (scope === undefined || (scope !== 'any' && !caller.scopes.includes(scope))) {
      throw new ServiceError('forbidden', `The key "${caller.name}" has no scope "${scope}".`);
    }
    const leave = await access.admit(caller);
    onRequestEnd(request.raw, reply.raw, leave);
  });
}
