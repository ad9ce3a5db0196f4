import type { IncomingMessage, ServerResponse } from 'node:http';
import { onRequestEnd } from './request-end.ts';

/**
 * Aborts when the request ends before its response has begun. (Fastify's `request.signal` aborts once a body
 * is read.)
 */
export function hangUp(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  onRequestEnd(request, response, () => {
    if (!response.headersSent) controller.abort();
  });
  return controller.signal;
}
