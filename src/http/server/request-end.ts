import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Work = () => void;

/** What is to be done at the end of a request that goes on; absent where it has ended, or nobody has asked. */
const pending = new WeakMap<ServerResponse, Work[]>();
const ended = new WeakSet<ServerResponse>();
/** How to end the requests of a connection, all of which end with it. */
const openOn = new WeakMap<Socket, Set<Work>>();

function endsOn(socket: Socket): Set<Work> {
  const known = openOn.get(socket);
  if (known !== undefined) return known;
  const ends = new Set<Work>();
  openOn.set(socket, ends);
  // One listener for all of them: a client may send hundreds without waiting for an answer.
  socket.once('close', () => {
    for (const end of ends) end();
  });
  return ends;
}

/** What throws must neither keep the others from giving back what they hold, nor end the process. */
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
 * Does `work` once, when the request ends: its answer is sent, or its connection is closed, whichever comes first; at once where
 * that was before. Whatever a request holds is given back here and nowhere else. Fastify's onResponse does not come where the
 * client hung up, and a response emits no `close` then where it waits behind another one on its connection.
 */
export function onRequestEnd(request: IncomingMessage, response: ServerResponse, work: Work): void {
  const isOver = ended.has(response) || response.closed || request.socket.closed;
  if (isOver) perform(work);
  else (pending.get(response) ?? begin(request, response)).push(work);
}
