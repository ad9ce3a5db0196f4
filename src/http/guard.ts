import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Access, Caller, Scope } from '../access/access.ts';
import { ServiceError } from '../errors.ts';
import type { App } from './app-instance.ts';
import { onRequestEnd } from './request-end.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * What a key must be for, where keys are configured; `any` key, or none for what is `open`. An app with a route that does
     * not say does not become ready.
     */
    scope?: Scope | 'any' | 'open';
  }
  interface FastifyRequest {
    /** Whose key the request has; null where none was asked for. */
    caller: Caller | null;
  }
}

const REALM = 'Bearer realm="dent-serve"';

/** The key of a request. `Authorization` of another kind, such as that of a proxy, is passed over. */
function keyOf({ headers }: FastifyRequest): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  const plain = headers['x-api-key'];
  return bearer ?? (typeof plain === 'string' && plain !== '' ? plain : undefined);
}

function identify(access: Access, request: FastifyRequest, reply: FastifyReply): Caller {
  const key = keyOf(request);
  try {
    return access.identify(key);
  } catch (error) {
    reply.header('www-authenticate', key === undefined ? REALM : `${REALM}, error="invalid_token"`);
    throw error;
  }
}

/** Rejects `app.ready()` where a route that is added from now on says nothing of its scope. */
function requireScopes(app: App): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void routes.push(route));
  app.addHook('onReady', async () => {
    const silent = routes.find(({ config }) => config?.scope === undefined);
    if (silent) throw new Error(`The route ${silent.method} ${silent.url} does not declare its scope.`);
  });
}

/** Lets requests in by the scope of their route, before their body is read. Without `access` every route is open. */
export function guard(app: App, access: Access | undefined): void {
  app.decorateRequest('caller', null);
  requireScopes(app);
  if (access === undefined) return;
  app.addHook('onRequest', async (request, reply) => {
    const { scope } = request.routeOptions.config;
    if (scope === 'open') return;
    const caller = identify(access, request, reply);
    request.caller = caller;
    if (scope === undefined || (scope !== 'any' && !caller.scopes.includes(scope))) {
      throw new ServiceError('forbidden', `The key "${caller.name}" has no scope "${scope}".`);
    }
    const leave = access.admit(caller);
    onRequestEnd(request.raw, reply.raw, leave);
  });
}
