import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { onRequestEnd } from './request-end.ts';

export interface ConnectionLimits {
  /** Connections that are open at a time. */
  readonly max: number;
  /** How long a client may take no byte of an answer that waits for it. */
  readonly stallMs: number;
}

/**
 * Keeps at most `max` connections open. When one more comes, another gives way, so that a client with many
 * unused connections shuts nobody out, least of all health checks. In this order it closes the connection
 * that has been idle for longest (kept alive, or with headers that never end), the one whose request has been
 * arriving for longest, or the one that has left an answer unread for longest. Requests that have arrived are
 * answered. Where every connection has such a request, the newcomer is closed. `onClosed` hears of every
 * connection closed for this.
 *
 * An unread answer holds its connection and its memory for at most `stallMs`.
 *
 * Returns the connections without a request, in the order in which they became idle.
 */
export function limitConnections(
  server: Server,
  { max, stallMs }: ConnectionLimits,
  onClosed: () => void,
): ReadonlySet<Socket> {
  const idle = new Set<Socket>();
  /** With its last request, in the order in which the requests came. */
  const busy = new Map<Socket, IncomingMessage>();

  function victim(): Socket | undefined {
    for (const socket of idle) return socket;
    for (const [socket, request] of busy) if (!request.complete) return socket;
    for (const socket of busy.keys()) if (isUnread(socket)) return socket;
    return undefined;
  }

  server.setTimeout(stallMs, (socket) => {
    // A connection that waits for its answer may be silent. Other code bounds how long a request takes to
    // arrive.
    if (!busy.has(socket) || isUnread(socket)) socket.destroy();
  });

  server.on('connection', (socket) => {
    if (idle.size + busy.size >= max) {
      const closed = victim() ?? socket;
      idle.delete(closed);
      busy.delete(closed);
      closed.destroy();
      onClosed();
      if (closed === socket) return;
    }
    idle.add(socket);
    socket.once('close', () => {
      idle.delete(socket);
      busy.delete(socket);
    });
  });

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    idle.delete(socket);
    busy.set(socket, request);
    onRequestEnd(request, response, () => {
      // The next request may be under way already, sent without waiting for the answer.
      if (socket.destroyed || busy.get(socket) !== request) return;
      busy.delete(socket);
      idle.add(socket);
    });
  });
  return idle;
}

/** Whether more was written to a connection than its client has taken. */
const isUnread = ({ writableLength }: Socket): boolean => writableLength > 0;
