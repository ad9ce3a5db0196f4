import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import type { HttpLimits } from '../index.ts';

let test: TestApp;
let port: number;
let sockets: net.Socket[] = [];
/** The server's ends, in the order in which they were accepted. */
let accepted: net.Socket[] = [];

async function listen(limits: Partial<HttpLimits>): Promise<void> {
  test = await buildTestApp({ limits });
  accepted = [];
  test.app.server.on('connection', (socket) => accepted.push(socket));
  await test.app.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = test.app.server.address() as AddressInfo);
}

afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await test.app.close();
});

/** An open connection, with everything that came over it so far. */
async function connect() {
  const socket = net.connect(port, '127.0.0.1');
  sockets.push(socket);
  const connection = { socket, received: '', closed: false };
  socket.on('data', (chunk) => {
    connection.received += chunk;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    connection.closed = true;
  });
  await once(socket, 'connect');
  return connection;
}
type Connection = Awaited<ReturnType<typeof connect>>;

const head = (length: number, more = '', path = '/v1/predict') =>
  `POST ${path} HTTP/1.1\r\nHost: here\r\nContent-Type: image/png\r\n${more}Content-Length: ${length}\r\n\r\n`;
const open = (): Promise<number> =>
  new Promise((resolve) => test.app.server.getConnections((_, count) => resolve(count)));

/** The status of a prediction on a connection of its own. */
async function predict(): Promise<number> {
  const connection = await connect();
  const png = await encoded('png', [0, 255, 40]);
  connection.socket.write(head(png.length, 'Connection: close\r\n'));
  connection.socket.write(png);
  await once(connection.socket, 'close');
  return Number(connection.received.split(' ', 2)[1]);
}

describe('more connections than may be open', () => {
  it('that do nothing give way to others, the oldest first', async () => {
    await listen({ connections: 10 });
    const idle: Connection[] = [];
    for (let i = 0; i < 30; i++) idle.push(await connect());
    await vi.waitFor(() => expect(idle.filter(({ closed }) => closed)).toHaveLength(20));
    expect(idle.slice(0, 20).every(({ closed }) => closed)).toBe(true);
    expect(await open()).toBe(10);
    expect(await predict()).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/v2/health/ready`)).status).toBe(200);
    const told = test.lines.filter(({ level }) => level === 40);
    expect(told).toMatchObject([{ closed: 1 }]);
  });

  it('with headers or bodies that never end give way too', async () => {
    await listen({ connections: 6 });
    const slow: Connection[] = [];
    for (let i = 0; i < 12; i++) {
      const connection = await connect();
      slow.push(connection);
      connection.socket.write(i % 2 ? head(1000) : 'POST /v1/predict HTTP/1.1\r\nX-Slow: ');
      if (i % 2) connection.socket.write('abc');
    }
    expect(await predict()).toBe(200);
    expect(await predict()).toBe(200);
    expect(slow.filter(({ closed }) => !closed).length).toBeLessThan(6);
  });

  it('never give way while they wait for an answer: the newcomer is closed', async () => {
    await listen({ connections: 3 });
    test.inference.delayMs = 500;
    const answered = Promise.all([predict(), predict(), predict()]);
    await vi.waitFor(() => expect(test.inference.requests).toHaveLength(3));
    const newcomer = await connect();
    await vi.waitFor(() => expect(newcomer.closed).toBe(true));
    expect(await answered).toEqual([200, 200, 200]);
    test.inference.delayMs = 0;
    expect(await predict()).toBe(200);
  });
});

describe('more bytes of bodies than may arrive at a time', () => {
  const MIB = 2 ** 20;

  /** A body of 2 MiB of which all but the last byte has arrived. */
  async function almost(path?: string): Promise<Connection> {
    const connection = await connect();
    connection.socket.write(head(2 * MIB, '', path));
    connection.socket.write(Buffer.alloc(2 * MIB - 1));
    const there = accepted.at(-1)!;
    await vi.waitFor(() => expect(there.bytesRead > 2 * MIB || there.destroyed).toBe(true), 5000);
    await wait(20);
    return connection;
  }

  it('are refused, and the connection closed', async () => {
    await listen({ uploadBytes: 8 * MIB });
    const first = [await almost(), await almost(), await almost()];
    const third = await almost();
    await vi.waitFor(() => expect(third.closed).toBe(true), 5000);
    expect(third.received).toMatch(/^HTTP\/1\.1 429 /);
    expect(third.received).toContain('"code":"rate_limited"');
    expect(third.received).toMatch(/\r\nretry-after: 1\r\n/i);
    expect(third.received).toMatch(/\r\nconnection: close\r\n/i);
    // Small ones fit into the room that large ones leave, and those that were there first go on.
    expect(await predict()).toBe(200);
    for (const { socket, received } of first) {
      expect(received).toBe('');
      socket.write('x');
    }
    for (const connection of first) {
      await vi.waitFor(() => expect(connection.received).toContain('"code":"invalid_image"'));
    }
    // Their room is free again.
    const fourth = await almost();
    fourth.socket.write('x');
    await vi.waitFor(() => expect(fourth.received).toContain('"code":"invalid_image"'));
  });

  it('are refused to those that arrive slowly, where there are any', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await listen({ uploadBytes: 8 * MIB });
    const endless = [await almost(), await almost(), await almost()];
    vi.advanceTimersByTime(5001);
    const newcomer = await almost();
    await vi.waitFor(() => expect(endless[0]!.closed).toBe(true), 5000);
    expect(endless[0]!.received).toMatch(/^HTTP\/1\.1 429 /);
    newcomer.socket.write('x');
    await vi.waitFor(() => expect(newcomer.received).toContain('"code":"invalid_image"'));
    expect(endless[1]!.received).toBe('');
  });

  it('that are announced and never sent take no room', async () => {
    await listen({ uploadBytes: MIB });
    for (let i = 0; i < 20; i++) (await connect()).socket.write(head(10 * MIB));
    await vi.waitFor(() => expect(test.seen.inFlight).toBe(20));
    expect(await predict()).toBe(200);
  });

  it('leave their room when the client hangs up', async () => {
    await listen({ uploadBytes: 8 * MIB });
    for (let round = 0; round < 5; round++) {
      const some = [await almost(), await almost()];
      for (const { socket, received } of some) {
        expect(received).toBe('');
        socket.destroy();
      }
      await vi.waitFor(() => expect(test.seen.inFlight).toBe(0));
    }
    expect(test.finished.every(({ code, error }) => code === 499 && error === 'cancelled')).toBe(true);
  });

  it('count what a compressed body may unpack to', async () => {
    await listen({ uploadBytes: 6 * MIB, bodyBytes: 4.5 * MIB });
    const infer = async () => {
      const reply = await fetch(`http://127.0.0.1:${port}/v2/models/colours/infer`, {
        method: 'POST',
        headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
        body: gzipSync('{}'),
      });
      return reply.status;
    };
    expect(await infer()).toBe(400);
    await almost();
    await vi.waitFor(async () => expect(await infer()).toBe(429));
  });
});

it('headers of more than 16 KiB are refused', async () => {
  await listen({});
  const connection = await connect();
  const line = `X-Header: ${'x'.repeat(1000)}\r\n`;
  connection.socket.write(head(0, line.repeat(20)));
  await once(connection.socket, 'close');
  expect(connection.received).toMatch(/^HTTP\/1\.1 431 /);
});
