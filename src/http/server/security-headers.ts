import helmet from '@fastify/helmet';
import type { App } from './app-instance.ts';

/**
 * Security headers of every answer. A browser may load or frame nothing because of an answer of the API. The
 * page under /docs has a policy of its own. `allowOrigins` sets what other origins may read. A proxy that
 * speaks TLS must say itself whether browsers must use it (Strict-Transport-Security).
 */
export async function securityHeaders(app: App): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  });
  // A prediction is of one moment, and may be private.
  app.addHook('onSend', async (_request, reply, payload) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    return payload;
  });
}
