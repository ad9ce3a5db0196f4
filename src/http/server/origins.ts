import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../../errors.ts';
import type { App } from './app-instance.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For routes that change something here: pages of other origins may not have browsers ask for it. */
    changes?: boolean;
  }
}

/** Host and port of a web origin; undefined for `null` and all else that is none. */
const hostOf = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined;

/**
 * Whether a request comes from a page that this service has served itself, or from an origin in `allowed`, or from no page at all.
 * A proxy may speak TLS in front, so schemes are not compared; it may rename the host too, but browsers say by themselves which
 * requests are of the same origin, where they were sent by https or to this machine.
 */
export function isKnownOrigin(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers;
  if (origin === undefined) return site === undefined || site === 'same-origin' || site === 'none';
  if (site === 'same-origin' || allowed.includes(origin)) return true;
  const asked = hostOf(origin);
  // Twice, because each scheme has a port of its own that is left out.
  const own = [hostOf(`http://${host}`), hostOf(`https://${host}`)];
  return site === undefined && asked !== undefined && own.includes(asked);
}

/**
 * Refuses what pages of other sites ask for on routes that change something. Where no keys are configured, any page that somebody
 * opens on a machine that reaches this service could otherwise have the browser do it.
 */
export function refuseOtherOrigins(app: App, allowed: readonly string[] = []): void {
  app.addHook('onRequest', async ({ headers, routeOptions }) => {
    if (!routeOptions.config.changes || isKnownOrigin(headers, allowed)) return;
    throw new ServiceError('forbidden', 'A page of another site may not change anything here.');
  });
}
