import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import { createKey, digestOf, type Keyring, openKeyring } from '../../access/index.ts';

const MIB = 2 ** 20;
const KEY = createKey();
const PLACES = 3;
/** A generous limit, for a busy machine. */
const PATIENCE = { timeout: 20_000 };

let folder: string;
let keyring: Keyring;
let test: TestApp;
let port: number;
let png: Buffer;
let sockets: net.Socket[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-ends-'));
  const file = join(folder, 'keys.json');
  const entry = { name: 'ann', sha256: digestOf(KEY), scopes: ['predict'], concurrency: PLACES };
  await writeFile(file, JSON.stringify({ keys: [entry] }));
  keyring = await openKeyring(file, { read: () => {}, failed: () => {} });
  png = await encoded('png', [0, 255, 40]);
  test = await buildTestApp({ access: keyring, limits: { uploadBytes: 8 * MIB, connections: 4 } });
  await test.app.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = test.app.server.address() as AddressInfo);
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});
afterAll(async () => {
  await test.app.close();
  keyring.close();
  await rm(folder, { recursive: true });
});

async function connect() {
  const socket = net.connect(port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: here\r\nX-API-Key: ${KEY}\r\n\r\n`;
const head = (length: number, path = '/v1/predict') =>
  `POST ${path} HTTP/1.1\r\nHost: here\r\nX-API-Key: ${KEY}\r\nContent-Type: image/png\r\nContent-Length: ${length}\r\n\r\n`;
const INFER = '/v2/models/colours/infer';
/** A complete body of a type that its route then refuses. */
const junk = (bytes: number) => Buffer.concat([Buffer.from(head(bytes)), Buffer.alloc(bytes)]);
const predict = () => Buffer.concat([Buffer.from(head(png.length)), png]);

const started = (count: number) =>
  vi.waitFor(() => expect(test.seen.inFlight + test.finished.length).toBeGreaterThanOrEqual(count), PATIENCE);
const predicting = () => vi.waitFor(() => expect(test.inference.underWay).toBe(1), PATIENCE);

/** Returns what `socket` has received, from the first byte on. */
function listenTo(socket: net.Socket): () => string {
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  return () => received;
}
const answers = (received: string) => received.match(/HTTP\/1\.1 \d+/g) ?? [];

/** Ways in which a connection ends, each with the number of requests that have begun by then. */
const SITUATIONS: Record<string, () => Promise<void>> = {
  'before the body': async () => {
    (await connect()).write(head(1000));
    await started(1);
  },
  'in the body': async () => {
    const socket = await connect();
    socket.write(head(5 * MIB));
    socket.write(Buffer.alloc(4 * MIB));
    await started(1);
  },
  'while the prediction is made': async () => {
    (await connect()).write(predict());
    await predicting();
  },
  'behind a slow one, a GET': async () => {
    const socket = await connect();
    socket.write(predict());
    await predicting();
    socket.write(get('/v1/models'));
    await started(2);
  },
  'behind a slow one, with whole bodies': async () => {
    const socket = await connect();
    socket.write(predict());
    await predicting();
    socket.write(junk(2 * MIB));
    socket.write(predict());
    await started(3);
  },
  'behind a slow one, in the body': async () => {
    const socket = await connect();
    socket.write(predict());
    await predicting();
    socket.write(head(3 * MIB));
    socket.write(Buffer.alloc(2 * MIB));
    await started(2);
  },
  'behind a slow one, with more requests than the key has places': async () => {
    const socket = await connect();
    socket.write(predict());
    await predicting();
    socket.write(get('/v1/models').repeat(30));
    await started(31);
  },
  'behind a slow one, with more bytes than there is room for': async () => {
    const socket = await connect();
    socket.write(predict());
    await predicting();
    socket.write(Buffer.concat([junk(4 * MIB), junk(4 * MIB)]));
    await started(3);
  },
  'with only its own half closed': async () => {
    const socket = await connect();
    socket.end(Buffer.concat([predict(), Buffer.from(get('/v1/models'))]));
    await started(2);
  },
  'while answers are written that nobody reads': async () => {
    const socket = await connect();
    socket.pause();
    socket.write(get('/openapi.yaml').repeat(300));
    await started(100);
  },
  'after errors on a connection that is kept': async () => {
    const socket = await connect();
    const received = listenTo(socket);
    socket.write(get('/nowhere') + get('/v1/models?no=1'));
    socket.write(junk(1000));
    await vi.waitFor(
      () => expect(answers(received())).toEqual(['HTTP/1.1 404', 'HTTP/1.1 400', 'HTTP/1.1 400']),
      PATIENCE,
    );
    socket.write(get('/v1/models'));
    await vi.waitFor(() => expect(answers(received())).toHaveLength(4), PATIENCE);
    socket.write(head(1000));
    await started(5);
  },
  'with something behind it that is not HTTP': async () => {
    const socket = await connect();
    socket.write(predict());
    await predicting();
    socket.write('GIMME / PLEASE\r\n\r\n');
    await once(socket.resume(), 'end');
  },
};

/** The reply to a request on a connection of its own. */
async function ask(bytes: Buffer): Promise<string | undefined> {
  const socket = await connect();
  const received = listenTo(socket);
  socket.write(bytes);
  await vi.waitFor(() => expect(answers(received())).toHaveLength(1), PATIENCE);
  socket.destroy();
  return answers(received())[0];
}

it.each(Object.keys(SITUATIONS))(
  'everything is given back where the client hangs up %s',
  async (name) => {
    test.finished.length = 0;
    test.lines.length = 0;
    test.inference.delayMs = 30_000;
    await SITUATIONS[name]!();
    for (const socket of sockets) socket.destroy();
    test.inference.delayMs = 0;

    await vi.waitFor(() => expect(test.seen.inFlight).toBe(0), PATIENCE);
    // Each has its line in the log.
    const lines = test.lines.filter(({ msg }) => msg === 'request');
    expect(lines).toHaveLength(test.finished.length);
    expect(lines.length).toBeGreaterThan(0);
    // No work continues after its caller has left.
    await vi.waitFor(() => expect(test.inference.underWay).toBe(0), PATIENCE);
    // The key and the connection have all of their places again, and more than half of the room fits.
    const replies = await Promise.all(Array.from({ length: PLACES }, () => ask(predict())));
    expect(replies).toEqual(Array(PLACES).fill('HTTP/1.1 200'));
    const large = Buffer.concat([Buffer.from(head(5.5 * MIB, INFER)), Buffer.alloc(5.5 * MIB)]);
    expect(await ask(large)).toBe('HTTP/1.1 415');
    await vi.waitFor(() => expect(test.seen.inFlight).toBe(0), PATIENCE);
  },
  60_000,
);
