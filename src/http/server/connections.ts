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
 * Keeps at most `max` connections open. Where one more comes, another gives way, so that whoever holds many connections and
 * does nothing with them shuts nobody out, health checks least of all: the one that has been idle for longest (kept alive, or
 * with headers that never end), or else the one whose request has been arriving for longest, or else the one that has had an
 * answer before it for longest and does not read it. Requests that have arrived are answered; where all connections have one, the
 * newcomer is closed. `onClosed` hears of every connection closed for this.
 *
 * An answer that nobody reads holds its connection and its memory no longer than `stallMs`.
 */
export function limitConnections(
  server: Server,
  { max, stallMs }: ConnectionLimits,
  onClosed: () => void,
): void {
  /** In the order in which they became idle. */
  const idle = new Set<Socket>();
  /** With the request that came last, in the order in which they came. */
  const busy = new Map<Socket, IncomingMessage>();

  function victim(): Socket | undefined {
    for (const socket of idle) return socket;
    for (const [socket, request] of busy) if (!request.complete) return socket;
    for (const socket of busy.keys()) if (isUnread(socket)) return socket;
    return undefined;
  }

  server.setTimeout(stallMs, (socket) => {
    // One that waits for its answer may be as silent as it likes; how long a request takes to arrive is bounded elsewhere.
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
      // One that was sent without waiting for the answer to the one before may be under way.
      if (socket.destroyed || busy.get(socket) !== request) return;
      busy.delete(socket);
      idle.add(socket);
    });
  });
}

/** Whether more was written to a connection than its client has taken. */
const isUnread = ({ writableLength }: Socket): boolean => writableLength > 0;
