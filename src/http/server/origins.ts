import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../../errors.ts';
import type { App } from './app-instance.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For routes that change something here: pages of other origins may not use them through a browser. */
    changes?: boolean;
  }
}

/** Host and port of a web origin. Undefined for `null` and for anything that is no origin. */
const hostOf = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined;

/**
 * Whether a request comes from a page that this service has served, from an origin in `allowed`, or from no
 * page at all. A proxy in front may speak TLS, so schemes are not compared. It may rename the host too, but
 * browsers themselves mark requests of the same origin, where these were sent by https or to this machine.
 */
function isKnownOrigin(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers;
  if (origin === undefined) return site === undefined || site === 'same-origin' || site === 'none';
  if (site === 'same-origin' || allowed.includes(origin)) return true;
  const asked = hostOf(origin);
  // Twice, because each scheme leaves out its own default port.
  const own = [hostOf(`http://${host}`), hostOf(`https://${host}`)];
  return site === undefined && asked !== undefined && own.includes(asked);
}

/**
 * Refuses requests from pages of other sites on routes that change something. Without keys, any page that
 * somebody opens on a machine that reaches this service could otherwise make the browser send them.
 */
export function refuseOtherOrigins(app: App, allowed: readonly string[] = []): void {
  app.addHook('onRequest', async ({ headers, routeOptions }) => {
    if (!routeOptions.config.changes || isKnownOrigin(headers, allowed)) return;
    throw new ServiceError('forbidden', 'A page of another site may not change anything here.');
  });
}
