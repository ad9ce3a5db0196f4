import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Work = () => void;

/**
 * Work to do at the end of a request that goes on. Absent where the request has ended, or has no such work.
 */
const pending = new WeakMap<ServerResponse, Work[]>();
const ended = new WeakSet<ServerResponse>();
/** How to end the requests of a connection. They all end with it. */
const openOn = new WeakMap<Socket, Set<Work>>();

function endsOn(socket: Socket): Set<Work> {
  const known = openOn.get(socket);
  if (known !== undefined) return known;
  const ends = new Set<Work>();
  openOn.set(socket, ends);
  // One listener for all of them: a client may send hundreds of requests without waiting for an answer.
  socket.once('close', () => {
    for (const end of ends) end();
  });
  return ends;
}

/**
 * Work that throws must not keep the others from giving back what they hold, and must not end the process.
 */
function perform(work: Work): void {
  try {
    work();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(String(error)));
  }
}

function begin({ socket }: IncomingMessage, response: ServerResponse): Work[] {
  const works: Work[] = [];
  const ends = endsOn(socket);
  const end = () => {
    if (!ends.delete(end)) return;
    pending.delete(response);
    ended.add(response);
    for (const work of works) perform(work);
  };
  ends.add(end);
  pending.set(response, works);
  response.once('close', end);
  return works;
}

/**
 * Does `work` once, when the request ends: when its answer is sent or its connection closes, whichever comes
 * first. At once where the request has ended already. All that a request holds is given back here and nowhere
 * else. Fastify's onResponse does not come where the client hung up. A response that waits behind another on
 * its connection then emits no `close`.
 */
export function onRequestEnd(request: IncomingMessage, response: ServerResponse, work: Work): void {
  const isOver = ended.has(response) || response.closed || request.socket.closed;
  if (isOver) perform(work);
  else (pending.get(response) ?? begin(request, response)).push(work);
}
