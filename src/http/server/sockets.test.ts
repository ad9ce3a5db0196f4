import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import type { HttpLimits } from '../index.ts';

let test: TestApp;
let port: number;
let sockets: net.Socket[] = [];

async function listen(limits: Partial<HttpLimits> = {}): Promise<void> {
  test = await buildTestApp({ limits });
  await test.app.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = test.app.server.address() as AddressInfo);
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await test.app.close();
});

/** A connection, with everything that came over it so far. */
function connect() {
  const socket = net.connect(port, '127.0.0.1');
  sockets.push(socket);
  const connection = { socket, received: '' };
  socket.on('data', (chunk) => {
    connection.received += chunk;
  });
  socket.on('error', () => {});
  return connection;
}

const head = (lines: readonly string[]) =>
  `${['POST /v1/predict HTTP/1.1', 'Host: here', ...lines].join('\r\n')}\r\n\r\n`;
const png = (body: Buffer) =>
  [head(['Content-Type: image/png', `Content-Length: ${body.length}`]), body] as const;

/** The one observation, once there is one. */
const finished = () =>
  vi.waitFor(() => {
    expect(test.finished).toHaveLength(1);
    expect(test.seen.inFlight).toBe(0);
    return test.finished[0]!;
  });

describe('a client that hangs up', () => {
  it('while it waits aborts the signal, and is logged and counted', async () => {
    await listen();
    test.inference.delayMs = 4000;
    const { socket } = connect();
    for (const part of png(await encoded('png', [1, 2, 3]))) socket.write(part);
    await vi.waitFor(() => expect(test.inference.requests).toHaveLength(1));
    const { signal } = test.inference.requests[0]!;
    expect(signal!.aborted).toBe(false);
    socket.destroy();
    await vi.waitFor(() => expect(signal!.aborted).toBe(true));
    expect(await finished()).toMatchObject({ route: '/v1/predict', code: 499, error: 'cancelled' });
    expect(test.lines.at(-1)).toMatchObject({ msg: 'request', status: 499 });
  });

  it('while it sends never reaches the model', async () => {
    await listen();
    const { socket } = connect();
    socket.write(head(['Content-Type: image/png', 'Content-Length: 1000']));
    socket.write('abc');
    await vi.waitFor(() => expect(test.seen.inFlight).toBe(1));
    socket.destroy();
    expect(await finished()).toMatchObject({ code: 499 });
    expect(test.lines.at(-1)).toMatchObject({ level: 30, error: 'cancelled' });
    expect(test.inference.requests).toHaveLength(0);
  });
});

it('a client that stays aborts nothing', async () => {
  await listen();
  test.inference.delayMs = 100;
  const body = await encoded('png', [1, 2, 3]);
  for (let round = 0; round < 2; round++) {
    const reply = await fetch(`http://127.0.0.1:${port}/v1/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body,
    });
    expect(reply.status).toBe(200);
    await reply.json();
  }
  await wait(50);
  expect(test.inference.requests.map(({ signal }) => signal!.aborted)).toEqual([false, false]);
});

/**
 * Sends 100 MB as fast as the other side takes them. Resolves with the reply, and the time when the
 * connection ended.
 */
function sendTooMuch(headers: http.OutgoingHttpHeaders) {
  const chunk = Buffer.alloc(2 ** 20);
  const start = performance.now();
  return new Promise<{ reply: http.IncomingMessage; body: string; repliedMs: number; closedMs: number }>(
    (resolve, reject) => {
      const request = http.request({ port, host: '127.0.0.1', method: 'POST', path: '/v1/predict', headers });
      let sent = 0;
      const send = () => {
        while (sent < 100 && !request.destroyed) {
          sent++;
          if (!request.write(chunk)) return void request.once('drain', send);
        }
        request.end();
      };
      request.on('error', reject);
      request.on('response', async (reply) => {
        const repliedMs = performance.now() - start;
        const closed = once(request.socket!, 'close');
        const body = await text(reply);
        await closed;
        resolve({ reply, body, repliedMs, closedMs: performance.now() - start });
      });
      send();
    },
  );
}

describe('a body of 100 MB', () => {
  it.each([
    ['with its length told', { 'content-type': 'image/png', 'content-length': 100 * 2 ** 20 }],
    ['in chunks', { 'content-type': 'image/png', 'transfer-encoding': 'chunked' }],
    ['as a form in chunks', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['as JSON in chunks', { 'content-type': 'application/json' }],
  ])('is refused before all of it has come %s, and the connection closed', async (_name, headers) => {
    await listen();
    const { reply, body, repliedMs, closedMs } = await sendTooMuch(headers);
    expect(reply.statusCode).toBe(413);
    expect(reply.headers).toMatchObject({ connection: 'close', 'content-type': 'application/problem+json' });
    expect(JSON.parse(body)).toMatchObject({
      code: 'too_large',
      detail: 'The body has more than 16777216 bytes.',
    });
    // Far from any limit of the machine, and before the limits of a request.
    expect(repliedMs).toBeLessThan(20_000);
    expect(closedMs).toBeLessThan(25_000);
    expect(await finished()).toMatchObject({ code: 413 });
    expect(test.inference.requests).toHaveLength(0);
  });

  it('is refused while draining without being read', async () => {
    await listen();
    test.seen.phase = 'refusing';
    const { reply, body } = await sendTooMuch({ 'content-type': 'image/png' });
    expect(reply.statusCode).toBe(503);
    expect(JSON.parse(body)).toMatchObject({ code: 'draining' });
  });

  it('cannot hold the connection of a client that does not listen', async () => {
    await listen({ bodyBytes: 1000 });
    const { socket } = connect();
    socket.write(head(['Content-Type: image/png', 'Content-Length: 1000000']));
    const start = performance.now();
    const trickle = setInterval(() => socket.write('x'), 50);
    await once(socket, 'close');
    clearInterval(trickle);
    expect(performance.now() - start).toBeLessThan(30_000);
  });
});

describe('before there is a request', () => {
  const problemOf = (received: string) => JSON.parse(received.slice(received.indexOf('\r\n\r\n') + 4));

  it('one that takes too long to arrive is answered with 408', async () => {
    await listen({ requestTimeoutMs: 300 });
    const connection = connect();
    connection.socket.write(head(['Content-Type: image/png', 'Content-Length: 1000']));
    const trickle = setInterval(() => connection.socket.write('x'), 50);
    await once(connection.socket, 'close');
    clearInterval(trickle);
    expect(connection.received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(problemOf(connection.received)).toMatchObject({ status: 408, code: 'invalid_request' });
    expect(await finished()).toMatchObject({ code: 499 });
  });

  it('one that is not HTTP is answered with 400', async () => {
    await listen();
    const connection = connect();
    connection.socket.write('GIMME / PLEASE\r\n\r\n');
    await once(connection.socket, 'close');
    expect(connection.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(problemOf(connection.received)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('one with too large headers is answered with 431', async () => {
    await listen();
    const connection = connect();
    connection.socket.write(head([`X-Long: ${'x'.repeat(50_000)}`]));
    await once(connection.socket, 'close');
    expect(connection.received).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  });
});

describe('a connection that is kept alive', () => {
  it('is ended with the next answer once the service drains', async () => {
    await listen();
    const connection = connect();
    const request = png(await encoded('png', [1, 2, 3]));
    for (const part of request) connection.socket.write(part);
    await vi.waitFor(() => expect(connection.received).toContain('"timing_ms"'));
    expect(connection.received).toMatch(/\r\nconnection: keep-alive\r\n/i);

    test.seen.phase = 'draining';
    connection.received = '';
    for (const part of request) connection.socket.write(part);
    await once(connection.socket, 'close');
    expect(connection.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(connection.received).toMatch(/\r\nconnection: close\r\n/i);
  });

  it('does not keep the app from closing: what is in flight is answered, what comes after is refused', async () => {
    await listen();
    test.inference.delayMs = 300;
    const body = await encoded('png', [1, 2, 3]);
    const inFlight = connect();
    for (const part of png(body)) inFlight.socket.write(part);
    // Its request has begun, so it does not count as idle.
    const late = connect();
    const [lateHead] = png(body);
    late.socket.write(lateHead.slice(0, 20));
    await vi.waitFor(() => expect(test.inference.requests).toHaveLength(1));

    const start = performance.now();
    const closed = Promise.all([
      test.app.close(),
      once(inFlight.socket, 'close'),
      once(late.socket, 'close'),
    ]);
    await wait(50);
    late.socket.write(lateHead.slice(20));
    late.socket.write(body);
    await closed;
    expect(performance.now() - start).toBeLessThan(30_000);
    expect(inFlight.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(inFlight.received).toMatch(/\r\nconnection: close\r\n/i);
    expect(late.received).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(late.received).toContain('content-type: application/problem+json');
    expect(late.received).toContain('"code":"draining"');
    expect(test.inference.requests).toHaveLength(1);
  });
});
