import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Prediction } from '../src/inference/inference.ts';

import { postImage, type Running, startDent } from './fixtures/serving/processes.ts';

type Bytes = Uint8Array<ArrayBuffer>;

let server: Running;
let photo: Bytes;
beforeAll(async () => {
  server = await startDent(['serve'], {});
  photo = new Uint8Array(await readFile(new URL('../docs/images/junk.jpg', import.meta.url)));
});
afterAll(async () => {
  server?.process.kill('SIGINT');
  await server?.exit;
});

const attack = (query: string, { url }: Running = server): Promise<Response> =>
  fetch(new URL(`/v1/models/cifar10-resnet14/attack${query}`, url), { method: 'POST', body: photo });

const pictureOf = async (query: string): Promise<Bytes> => {
  const reply = await attack(query);
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'image/png']);
  return new Uint8Array(await reply.arrayBuffer());
};
const pixelsOf = (picture: Bytes): Promise<Buffer> => sharp(picture).removeAlpha().raw().toBuffer();
const staticOf = async (picture: Bytes): Promise<Prediction['predictions']> => {
  const reply = await postImage(server, picture, '?recipe=static&top_k=10');
  return ((await reply.json()) as Prediction).predictions;
};

it('attacks a picture within the bound that was asked for, away from what the model as it is says', async () => {
  const [asItIs, attacked] = [await pictureOf('?eps=0'), await pictureOf('?eps=8&iterations=20')];
  const { width, height } = await sharp(attacked).metadata();
  expect([width, height]).toEqual([32, 32]);
  const [before, after] = [await pixelsOf(asItIs), await pixelsOf(attacked)];
  const changes = [...after].map((byte, i) => Math.abs(byte - before[i]!));
  expect(Math.max(...changes)).toBe(8);
  const answers = [await staticOf(photo), await staticOf(asItIs), await staticOf(attacked)];
  // A picture in the model's own size stays as it is.
  expect(answers[1]).toEqual(answers[0]);
  const first = answers[0]![0]!;
  const left = answers[2]!.find(({ label }) => label === first.label)!;
  expect(left.probability).toBeLessThan(first.probability / 2);
});

it('attacks one picture at a time', async () => {
  const replies = await Promise.all(Array.from({ length: 3 }, () => attack('?iterations=40')));
  const statuses = replies.map(({ status }) => status).toSorted();
  expect(statuses).toEqual([200, 429, 429]);
  const refused = replies.find(({ status }) => status === 429)!;
  expect(refused.headers.get('retry-after')).toBe('2');
  expect(await refused.json()).toMatchObject({ code: 'queue_full' });
  expect((await attack('?iterations=1')).status).toBe(200);
});

it.each([
  ['?eps=65', 'The query parameter "eps" must be at most 64.'],
  ['?iterations=41', 'The query parameter "iterations" must be at most 40.'],
  ['?iterations=0', 'The query parameter "iterations" must be at least 1.'],
])('refuses more than its bounds: %s', async (query, detail) => {
  const reply = await attack(query);
  expect(reply.status).toBe(400);
  expect(await reply.json()).toMatchObject({ code: 'invalid_request', detail });
});

it('attacks nothing on an address that others reach, unless it is told to', async () => {
  const attacks = async ({ url }: Running) => (await fetch(new URL('/v1/playground', url))).json();
  expect(await attacks(server)).toEqual({ attacks: true });
  const open = await startDent(['serve', '--host', '0.0.0.0'], {});
  const told = await startDent(['serve', '--host', '0.0.0.0'], { DENT_PLAYGROUND: 'on' });
  const url = (running: Running): Running => ({
    ...running,
    url: running.url.replace('0.0.0.0', '127.0.0.1'),
  });
  expect(await attacks(url(open))).toEqual({ attacks: false });
  expect(await attacks(url(told))).toEqual({ attacks: true });
  const reply = await attack('', url(open));
  expect(reply.status).toBe(403);
  expect(await reply.json()).toMatchObject({ detail: expect.stringContaining('DENT_PLAYGROUND is off') });
  for (const each of [open, told]) each.process.kill('SIGINT');
  await Promise.all([open.exit, told.exit]);
});
