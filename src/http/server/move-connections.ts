import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface MovableConnections {
  /** How many connections have had a request since the last call. */
  countActive(): number;
  /** Until the next count, ends so many connections, each with its next answer. Their clients open others. */
  move(count: number): void;
}

/**
 * Several processes accept the connections of one port, and one that is kept alive stays where it was
 * accepted. So a few of a load balancer may all be with one process. This sends some of them elsewhere.
 */
export function movableConnections(server: Server): MovableConnections {
  // Nobody counts while the first process hangs, so sockets are not held.
  let active = new WeakSet<Socket>();
  let count = 0;
  let toMove = 0;
  // Before any answer is written.
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (!active.has(socket)) count += 1;
    active.add(socket);
    if (toMove === 0) return;
    toMove -= 1;
    response.setHeader('connection', 'close');
  });
  return {
    countActive() {
      const counted = count;
      active = new WeakSet();
      count = 0;
      toMove = 0;
      return counted;
    },
    move(surplus) {
      toMove = surplus;
    },
  };
}
