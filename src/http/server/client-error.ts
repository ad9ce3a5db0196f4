import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { createProblem, PROBLEM_TYPE } from './problem.ts';

/** What Node found wrong before there was a request to route; anything else is a request that HTTP cannot read. */
const CLIENT_ERRORS: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [431, 'The headers are too large.'],
};

/** Answers on the bare socket, because there is no request to answer yet, and closes it. */
export function answerClientError({ code = '' }: { code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = CLIENT_ERRORS[code] ?? [400, 'The request is not valid HTTP.'];
  // Nobody knows which API was meant; `error` is where clients of /v2 look.
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
