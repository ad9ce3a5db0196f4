import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ConnectionLimits, limitConnections } from './connections.ts';

/** More than the kernel holds for a client that does not read. */
const LARGE = Buffer.alloc(32 * 2 ** 20);
const PATIENCE = { timeout: 20_000 };

let server: http.Server;
let sockets: net.Socket[];
let waiting: ServerResponse[];
let closed: number;

beforeEach(() => {
  sockets = [];
  waiting = [];
  closed = 0;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
});

/** A server that answers /large at once, and everything else when the test says so. */
async function listen(limits: ConnectionLimits): Promise<void> {
  server = http.createServer(({ url }, response) => {
    if (url === '/large') response.end(LARGE);
    else waiting.push(response);
  });
  limitConnections(server, limits, () => closed++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

/** A connection that has sent a request, and reads no answer until it is told to. */
async function ask(path: string): Promise<net.Socket> {
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`);
  return socket;
}

const isOpen = (): Promise<number> => new Promise((resolve) => server.getConnections((_, n) => resolve(n)));

it('an answer that nobody reads is given up, and one that is made is waited for', async () => {
  await listen({ max: 10, stallMs: 400 });
  await ask('/large');
  const patient = await ask('/slow');
  await vi.waitFor(async () => expect(await isOpen()).toBe(1), PATIENCE);
  await wait(1000);
  waiting[0]!.end('made');
  const [answer] = await once(patient, 'data');
  expect(String(answer)).toContain('made');
  expect(closed).toBe(0);
});

it('connections with answers that nobody reads give way to others', async () => {
  await listen({ max: 3, stallMs: 60_000 });
  const patient = await ask('/slow');
  await ask('/large');
  await ask('/large');
  await vi.waitFor(async () => expect(await isOpen()).toBe(3), PATIENCE);
  await wait(200);
  const newcomer = await ask('/slow');
  await vi.waitFor(() => expect(waiting).toHaveLength(2), PATIENCE);
  expect(closed).toBe(1);
  for (const response of waiting) response.end('made');
  for (const socket of [patient, newcomer]) expect(String((await once(socket, 'data'))[0])).toContain('made');
});
