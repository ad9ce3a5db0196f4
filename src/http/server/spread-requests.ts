import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What Node may read of a connection before it stops for the body to be taken: two pieces. Reading them is
 * what takes the time of a turn.
 */
const PIECE_BYTES = 64 * 1024;
const READ_AHEAD = 2;
/** The work of a request without a body, in pieces. */
const BARE_REQUEST = 0.5;
/** As much begins in one turn of the event loop, and a little of connections that are not idle. */
const PIECES_A_TURN = 64;
/** So many connections are read again in each turn after that. */
const LONGEST_IDLE = 24;
const LAST_ANSWERED = 8;

function piecesOf({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return BARE_REQUEST + READ_AHEAD;
  return BARE_REQUEST + Math.min(READ_AHEAD, Number(headers['content-length'] ?? 0) / PIECE_BYTES);
}

/**
 * Spreads requests that come at once over several turns of the event loop. In one turn Node reads every
 * connection that has something to say: where hundreds of clients begin to send at once, this takes a tenth
 * of a second, and a health check waits for its end. So where a turn has begun its requests, the `idle`
 * connections, which have none, are not read any more. Later turns read them again: those that have been idle
 * for longest, and some that had an answer last, among which are health checks. A new connection is always
 * read: Node accepts one in a turn. `idle` is in the order in which they became so.
 */
export function spreadRequests(server: Server, idle: ReadonlySet<Socket>): void {
  const paused = new Set<Socket>();
  let begun = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(turn);
  }

  /** What comes after all connections of a turn have been read. */
  function turn(): void {
    isScheduled = false;
    begun = 0;
    if (paused.size === 0) return;
    const line = [...idle].filter((socket) => paused.has(socket));
    // In the order in which they are read, should not all of them fit into the turn.
    const next = [...line.splice(-LAST_ANSWERED).reverse(), ...line.splice(0, LONGEST_IDLE)];
    for (const socket of next) {
      paused.delete(socket);
      socket.resume();
    }
    if (line.length > 0) schedule();
  }

  function pauseIdle(): void {
    for (const socket of idle) {
      if (paused.has(socket)) continue;
      paused.add(socket);
      socket.pause();
    }
  }

  server.on('connection', (socket) => {
    socket.once('close', () => paused.delete(socket));
  });

  server.on('request', (request: IncomingMessage) => {
    begun += piecesOf(request);
    schedule();
    if (begun >= PIECES_A_TURN) pauseIdle();
  });
}
