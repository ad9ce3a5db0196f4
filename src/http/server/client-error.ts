import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { createProblem, PROBLEM_TYPE } from './problem.ts';

/**
 * Node's errors before there is a request to route. Any other error means a request that is not valid HTTP.
 */
const CLIENT_ERRORS: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [431, 'The headers are too large.'],
};

/** Answers on the bare socket, because there is no request to answer yet. Then closes it. */
export function answerClientError({ code = '' }: { code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = CLIENT_ERRORS[code] ?? [400, 'The request is not valid HTTP.'];
  // The API is unknown here, so the answer suits both: clients of /v2 read `error`.
  const body = JSON.stringify({ ...createProblem('invalid_request', detail), status, error: detail });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
