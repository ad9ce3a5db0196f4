import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * The caller's or proxy's id of the request, where it is short and harmless in a log. Otherwise a new one.
 */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID();
}
