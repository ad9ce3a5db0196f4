import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The id a caller or proxy gave the request, where it is short and harmless in a log; otherwise a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID();
}
