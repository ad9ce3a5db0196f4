import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { onRequestEnd } from './request-end.ts';

/**
 * Keeps at most `max` connections open. Where one more comes, another gives way, so that whoever holds many connections and
 * does nothing with them shuts nobody out, health checks least of all: the one that has been idle for longest (kept alive, or
 * with headers that never end), or else the one whose request has been arriving for longest. Requests that have arrived are
 * answered; where all connections have one, the newcomer is closed. `onClosed` hears of every connection closed for this.
 */
export function limitConnections(server: Server, max: number, onClosed: () => void): void {
  /** In the order in which they became idle. */
  const idle = new Set<Socket>();
  /** With the request that came last, in the order in which they came. */
  const busy = new Map<Socket, IncomingMessage>();

  function victim(): Socket | undefined {
    for (const socket of idle) return socket;
    for (const [socket, request] of busy) if (!request.complete) return socket;
    return undefined;
  }

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
