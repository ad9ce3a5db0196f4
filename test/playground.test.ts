import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKey, digestOf } from '../src/access/index.ts';
import type { Prediction } from '../src/inference/inference.ts';

import { postImage, type Running, startDent, writeRepository } from './fixtures/serving/processes.ts';

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

it('attacks the model as a recipe adapts it to the picture', async () => {
  const probability = async (picture: Bytes, label: string): Promise<number> => {
    const reply = await postImage(server, picture, '?recipe=brief&top_k=10');
    const { predictions } = (await reply.json()) as Prediction;
    return predictions.find((each) => each.label === label)!.probability;
  };
  const [asItIs, blind, seeing] = [
    await pictureOf('?eps=0&recipe=brief'),
    await pictureOf('?eps=8'),
    await pictureOf('?eps=8&recipe=brief'),
  ];
  expect(seeing).not.toEqual(blind);
  const [before, after] = [await pixelsOf(asItIs), await pixelsOf(seeing)];
  expect(Math.max(...[...after].map((byte, i) => Math.abs(byte - before[i]!)))).toBe(8);
  const reply = await postImage(server, asItIs, '?recipe=brief');
  const { label } = ((await reply.json()) as Prediction).predictions[0]!;
  expect(await probability(seeing, label)).toBeLessThan((await probability(asItIs, label)) / 2);
});

it('refuses a recipe that is not there, and parameters in the body', async () => {
  const reply = await attack('?recipe=strong');
  expect(await reply.json()).toMatchObject({ status: 400, code: 'unknown_recipe' });
  const form = new FormData();
  form.append('image', new Blob([photo]));
  form.append('recipe', 'isolated');
  const url = new URL('/v1/models/cifar10-resnet14/attack', server.url);
  const refused = await fetch(url, { method: 'POST', body: form });
  expect(await refused.json()).toMatchObject({
    code: 'invalid_request',
    detail: 'The parameters of an attack are in the query; leave "recipe" out of the body.',
  });
});

it('shows a key no more than its predictions do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dent-playground-'));
  const file = join(folder, 'keys.json');
  const [blind, narrow] = [createKey(), createKey()];
  const entry = (name: string, key: string) => ({ name, sha256: digestOf(key), scopes: ['predict'] });
  const keys = [
    { ...entry('blind', blind), static: false },
    { ...entry('narrow', narrow), recipes: ['isolated'] },
  ];
  await writeFile(file, JSON.stringify({ keys }));
  const guarded = await startDent(['serve', '--api-keys-file', file], {});
  const statusOf = async (key: string, query: string): Promise<number> => {
    const url = new URL(`/v1/models/cifar10-resnet14/attack?iterations=1${query}`, guarded.url);
    const reply = await fetch(url, { method: 'POST', body: photo, headers: { 'x-api-key': key } });
    await reply.arrayBuffer();
    return reply.status;
  };
  try {
    expect(await statusOf('nobody', '')).toBe(401);
    expect(await statusOf(blind, '')).toBe(403);
    expect(await statusOf(blind, '&recipe=static')).toBe(403);
    expect(await statusOf(blind, '&recipe=isolated')).toBe(200);
    expect(await statusOf(narrow, '&recipe=brief')).toBe(403);
    expect(await statusOf(narrow, '&recipe=isolated')).toBe(200);
  } finally {
    guarded.process.kill('SIGINT');
    await guarded.exit;
    await rm(folder, { recursive: true });
  }
});

it('does not attack a file that is not what is served', async () => {
  const models = await mkdtemp(join(tmpdir(), 'dent-playground-'));
  await writeRepository(models, { recipes: { isolated: { preset: 'isolated' } }, defaultRecipe: 'isolated' });
  const other = await startDent(['serve'], { DENT_MODELS: models, DENT_REPOSITORY_POLL_MS: '0' });
  try {
    expect((await attack('?iterations=1', other)).status).toBe(200);
    const path = join(models, 'cifar10-resnet14', '1', 'model.onnx');
    // The same network under another producer's name: written beside it and put in its place, as deployers
    // do.
    const bytes = await readFile(path);
    await writeFile(`${path}.new`, Buffer.concat([bytes, Buffer.from([0x12, 0x01, 0x78])]));
    await copyFile(`${path}.new`, path);
    const reply = await attack('?iterations=1', other);
    expect(reply.status).toBe(503);
    expect(reply.headers.get('retry-after')).toBe('2');
    expect(await reply.json()).toMatchObject({
      code: 'not_ready',
      detail: expect.stringContaining('"cifar10-resnet14" has changed'),
    });
  } finally {
    other.process.kill('SIGINT');
    await other.exit;
    await rm(models, { recursive: true });
  }
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
