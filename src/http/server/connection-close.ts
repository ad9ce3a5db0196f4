import type { IncomingMessage } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { App } from './app-instance.ts';
import type { Lifecycle } from './lifecycle.ts';
import { createTurns } from './turns.ts';

/** How long a client that is still sending may need to notice its answer. */
const LINGER_MS = 1000;

/**
 * Tells clients to open another connection while the service drains: `server.close()` waits for every
 * connection that is kept alive. Some answers end the connection before the client has sent everything. Such
 * a connection lingers: a socket closed with unread bytes is reset, and the reset may overtake the answer.
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

/** Reading from refused senders must not hold up the others. */
const wait = createTurns(8);
const nowhere = (): Writable => new Writable({ write: (_piece, _encoding, done) => wait(done) });

/** The whole answer at once. Its end comes with the request's end, or after a second. */
async function* lingering(payload: Buffer, request: IncomingMessage): AsyncGenerator<Buffer> {
  yield payload;
  // Away from its reader, and into nothing.
  request.unpipe();
  request.pipe(nowhere());
  await finished(request, { signal: AbortSignal.timeout(LINGER_MS) }).catch(() => {});
}
