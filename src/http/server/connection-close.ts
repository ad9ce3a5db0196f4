import type { IncomingMessage } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { App } from './app-instance.ts';
import type { Lifecycle } from './lifecycle.ts';
import { createTurns } from './turns.ts';

/** How long a client that is still sending may take to notice that it has its answer. */
const LINGER_MS = 1000;

/**
 * Tells clients to open another connection while the service drains: `server.close()` waits for every connection that is kept
 * alive. Answers that end the connection before the client has sent everything are lingered over: a socket closed with
 * bytes unread is reset, and the reset may overtake the answer.
 */
export function closeConnections(app: App, lifecycle: Lifecycle): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (lifecycle.phase() !== 'serving') reply.header('connection', 'close');
    const ends = reply.getHeader('connection') === 'close';
    if (!ends || request.raw.complete || !Buffer.isBuffer(payload)) return payload;
    reply.header('content-length', payload.length);
    return Readable.from(lingering(payload, request.raw), { objectMode: false });
  });
}

/** What refused senders still send must hold nobody up who is not refused. */
const wait = createTurns(8);
const nowhere = (): Writable => new Writable({ write: (_piece, _encoding, done) => wait(done) });

/** The whole answer at once, but no end of it before the request's end, or a second. */
async function* lingering(payload: Buffer, request: IncomingMessage): AsyncGenerator<Buffer> {
  yield payload;
  // From whatever was reading it, to nowhere.
  request.unpipe();
  request.pipe(nowhere());
  await finished(request, { signal: AbortSignal.timeout(LINGER_MS) }).catch(() => {});
}
