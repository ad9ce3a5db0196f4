import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { onRequestEnd } from './request-end.ts';

type Pair = readonly [IncomingMessage, ServerResponse];

let server: Server;
let requests: Pair[];
let client: net.Socket;
beforeEach(async () => {
  requests = [];
  server = createServer((...pair) => void requests.push(pair)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = net.connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  client.resume();
});
afterEach(async () => {
  client.destroy();
  server.close();
  await once(server, 'close');
});

/** Sends requests without waiting for answers. */
async function send(count: number): Promise<Pair[]> {
  client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n'.repeat(count));
  await vi.waitFor(() => expect(requests).toHaveLength(count));
  return requests;
}

/** How often work that is added now was done by now. */
function doneAtOnce([request, response]: Pair): number {
  const work = vi.fn();
  onRequestEnd(request, response, work);
  return work.mock.calls.length;
}

it('waits while the request goes on', async () => {
  const [pair] = await send(1);
  expect(doneAtOnce(pair!)).toBe(0);
});

it('is done at once where the answer is sent, and nothing was to be done before', async () => {
  const [pair] = await send(1);
  const [, response] = pair!;
  response.end('answer');
  await once(response, 'close');
  expect(client.destroyed).toBe(false);
  expect(doneAtOnce(pair!)).toBe(1);
});

it('is done at once where the client has left, also behind a request without answer', async () => {
  const [first, second] = await send(2);
  client.destroy();
  await vi.waitFor(() => expect(first![0].socket.closed).toBe(true));
  // Such a response never closes.
  expect(second![1].closed).toBe(false);
  expect(doneAtOnce(second!)).toBe(1);
});

it('is done at once within the work of the end', async () => {
  const [first, second] = await send(2);
  const added: number[] = [];
  onRequestEnd(...second!, () => added.push(doneAtOnce(second!)));
  const [, response] = first!;
  client.destroy();
  await once(response, 'close');
  await vi.waitFor(() => expect(added).toEqual([1]));
});
