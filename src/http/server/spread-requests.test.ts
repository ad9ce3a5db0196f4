import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { limitConnections } from './connections.ts';
import { spreadRequests } from './spread-requests.ts';

const CLIENTS = 600;
/** Those without a body that may begin, and one for each connection that the server accepts meanwhile. */
const MOST_A_TURN = 130;

let server: http.Server;
let clients: net.Socket[];
/** The paths of the requests of each turn of the event loop that had any. */
let turns: string[][];
let turn: string[] | undefined;
/** Answered when all of them are here, as requests are whose batch is not full. */
let waiting: http.ServerResponse[];

function answer({ url }: http.IncomingMessage, response: http.ServerResponse): void {
  if (!turn) {
    turn = [];
    turns.push(turn);
    setImmediate(() => {
      turn = undefined;
    });
  }
  turn.push(url!);
  if (url !== '/burst') response.end(url);
  else if (waiting.push(response) === CLIENTS) for (const each of waiting) each.end(url);
}

beforeEach(async () => {
  clients = [];
  turns = [];
  waiting = [];
  server = http.createServer(answer);
  const limits = { max: 1000, stallMs: 60_000 };
  spreadRequests(
    server,
    limitConnections(server, limits, () => {}),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  server.close();
  await once(server, 'close');
});

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: here\r\n${more}\r\n`;
const LAST = 'Connection: close\r\n';

/** An open connection that the server has accepted. */
async function connect(): Promise<net.Socket> {
  const accepted = once(server, 'connection');
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  clients.push(client);
  await Promise.all([accepted, once(client, 'connect')]);
  return client;
}

async function connectAll(): Promise<net.Socket[]> {
  const all: net.Socket[] = [];
  for (let i = 0; i < CLIENTS; i++) all.push(await connect());
  return all;
}

const orderOf = (path: string): number => turns.flat().indexOf(path);

it('begins requests that come at once over several turns, and health checks among the first', async () => {
  const kept = await connect();
  const burst = await connectAll();
  kept.write(get('/first'));
  await once(kept, 'data');
  // All of them wait in the kernel before the server reads one.
  for (const client of burst) client.write(get('/burst', LAST));
  kept.write(get('/kept'));
  const newcomer = connect().then((client) => client.write(get('/new')));
  for (const each of await Promise.all(burst.map((client) => text(client)))) expect(each).toContain('/burst');
  await newcomer;
  expect(Math.max(...turns.map((paths) => paths.length))).toBeLessThanOrEqual(MOST_A_TURN);
  expect(orderOf('/kept')).toBeLessThan(CLIENTS / 2);
  expect(orderOf('/new')).toBeLessThan(CLIENTS);
});

it('begins fewer of those that bring a large body', async () => {
  const kept = await connect();
  const burst = await connectAll();
  kept.write(get('/first'));
  await once(kept, 'data');
  const half = Buffer.alloc(256 * 1024);
  for (const client of burst) {
    client.write(`POST /burst HTTP/1.1\r\nHost: here\r\nContent-Length: ${2 * half.length}\r\n${LAST}\r\n`);
    client.write(half);
  }
  kept.write(get('/kept'));
  await vi.waitFor(() => expect(waiting).toHaveLength(CLIENTS));
  expect(Math.max(...turns.map((paths) => paths.length))).toBeLessThanOrEqual(30);
  expect(orderOf('/kept')).toBeLessThan(CLIENTS / 2);
});

it('goes on where connections end that wait', async () => {
  const burst = await connectAll();
  for (const client of burst) client.write(get('/burst', LAST));
  server.once('request', () => {
    // They are left for later in this turn, and then gone.
    for (const client of burst.splice(CLIENTS / 2)) client.destroy();
  });
  await vi.waitFor(() => expect(waiting.length).toBeGreaterThanOrEqual(CLIENTS / 2));
  const late = await connect();
  late.write(get('/late', LAST));
  expect(await text(late)).toContain('/late');
});
