import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/http/build-test-app.ts';
import { type MovableConnections, movableConnections } from './move-connections.ts';

let test: TestApp;
let connections: MovableConnections;
/** One connection each, which it keeps. */
const clients = Array.from({ length: 3 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));

beforeAll(async () => {
  test = await buildTestApp({});
  connections = movableConnections(test.app.server);
  await test.app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  for (const agent of clients) agent.destroy();
  await test.app.close();
});

/** What the answer says of the connection, and whether it is one that had been used before. */
async function get(agent: http.Agent) {
  const { port } = test.app.server.address() as AddressInfo;
  const request = http.get({ port, host: '127.0.0.1', path: '/v1/models', agent });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  await text(response);
  // The agent takes its socket back, or drops it.
  if (!response.closed) await once(response, 'close');
  expect(response.statusCode).toBe(200);
  return { connection: response.headers.connection, reused: request.reusedSocket };
}

async function getAll() {
  const all = [];
  for (const agent of clients) all.push(await get(agent));
  return all;
}

const kept = { connection: 'keep-alive', reused: true };

it('ends as many connections as it is asked to, each with an answer', async () => {
  await getAll();
  expect(await getAll()).toEqual([kept, kept, kept]);
  connections.move(2);
  const moved = { connection: 'close', reused: true };
  expect(await getAll()).toEqual([moved, moved, kept]);
  const opened = { connection: 'keep-alive', reused: false };
  expect(await getAll()).toEqual([opened, opened, kept]);
});

it('counts the connections that had a request since the last count', async () => {
  connections.countActive();
  await getAll();
  await getAll();
  expect(connections.countActive()).toBe(3);
  await get(clients[0]!);
  expect(connections.countActive()).toBe(1);
  expect(connections.countActive()).toBe(0);
});

it('ends none for what was asked before the last count', async () => {
  await getAll();
  connections.move(2);
  connections.countActive();
  expect(await getAll()).toEqual([kept, kept, kept]);
});
