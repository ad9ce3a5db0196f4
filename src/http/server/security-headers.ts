import helmet from '@fastify/helmet';
import type { App } from './app-instance.ts';

/**
 * Security headers of every answer. Nothing may be loaded or framed on the strength of an answer of the API, whatever a browser
 * takes it for; the page under /docs has a policy of its own. What is shared with other origins `letPagesIn` says. Whether browsers must use
 * TLS (Strict-Transport-Security) is for the proxy to say that speaks it.
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
  // Predictions are of one moment, and may be nobody else's business.
  app.addHook('onSend', async (_request, reply, payload) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    return payload;
  });
}
