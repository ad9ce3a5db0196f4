import type { ServerResponse } from 'node:http';

/** Aborts when the connection closes before the response has begun. (Fastify's `request.signal` aborts once a body is read.) */
export function hangUp(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const onClose = () => {
    if (!response.headersSent) controller.abort();
  };
  if (response.closed) onClose();
  else response.once('close', onClose);
  return controller.signal;
}
