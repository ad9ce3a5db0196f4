import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Prediction } from '../src/inference/inference.ts';
import { crops, photo, staticLogits, tensorOf, topProbability } from './fixtures/serving/photos.ts';
import { inferRows, type Running, startDent } from './fixtures/serving/processes.ts';

let cache: string;
let server: Running;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'dent-serve-'));
  server = await start();
});
afterAll(async () => {
  server.process.kill('SIGINT');
  await server.exit;
  await rm(cache, { recursive: true });
});

/** `dent serve` as a process of its own, ready. */
const start = (env: Record<string, string> = {}): Promise<Running> =>
  startDent(['serve'], { DENT_CACHE_DIR: cache, ...env });

const post = (
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  type: string,
  at = server,
): Promise<Response> =>
  fetch(new URL(path, at.url), { method: 'POST', body, headers: { 'content-type': type } });

async function predict(image: Uint8Array<ArrayBuffer>, query = '', at = server): Promise<Prediction> {
  const response = await post(`/v1/predict${query}`, image, 'image/jpeg', at);
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body as Prediction;
}

/** Process ids of the server's engine. */
async function enginePids({ pid }: ChildProcess): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').map(Number);
}

it('answers a photograph, however it is sent', async () => {
  const raw = await predict(new Uint8Array(photo));
  const json = await post(
    '/v1/predict',
    JSON.stringify({ image: photo.toString('base64') }),
    'application/json',
  );
  const form = new FormData();
  form.set('image', new Blob([new Uint8Array(photo)], { type: 'image/jpeg' }), 'ship.jpg');
  const multipart = await fetch(new URL('/v1/models/cifar10-resnet14/versions/1/predict', server.url), {
    method: 'POST',
    body: form,
  });
  expect(raw.adaptation).toMatchObject({ recipe: 'brief', applied: 'brief', steps: 4 });
  expect(raw.predictions).toHaveLength(5);
  for (const response of [json, multipart]) {
    expect(response.status).toBe(200);
    expect(((await response.json()) as Prediction).predictions).toEqual(raw.predictions);
  }
});

it('answers several images in one request, the broken one by its own problem', async () => {
  const form = new FormData();
  for (const bytes of [photo, photo.subarray(0, 2000), photo])
    form.append('image', new Blob([new Uint8Array(bytes)]));
  const reply = await fetch(new URL('/v1/predict?timeout_ms=3600000', server.url), {
    method: 'POST',
    body: form,
  });
  const { results } = (await reply.json()) as { results: Partial<Prediction & { code: string }>[] };
  expect([reply.status, results.map(({ code }) => code)]).toEqual([
    200,
    [undefined, 'invalid_image', undefined],
  ]);
  expect(results[0]!.predictions![0]!.class).toBe(results[2]!.predictions![0]!.class);
  expect(results[0]!.batch!.size).toBe(2);
});

it('answers each of 500 posts at once with the answer for its own image', async () => {
  const images = await crops(500);
  const expected = await staticLogits(images);
  const answers = await Promise.all(images.map((image) => predict(image, '?recipe=static')));
  for (const [i, answer] of answers.entries()) {
    expect(answer.predictions[0]!.class).toBe(expected[i]!.indexOf(Math.max(...expected[i]!)));
    expect(answer.predictions[0]!.probability).toBeCloseTo(topProbability(expected[i]!), 4);
  }
  // The images do differ, and rows were batched: the check above could have failed.
  const distinct = new Set(answers.map(({ predictions }) => predictions[0]!.probability.toFixed(6)));
  expect(distinct.size).toBeGreaterThan(400);
  expect(Math.max(...answers.map(({ batch }) => batch.size))).toBeGreaterThan(8);
}, 60_000);

it('answers a tensor as it answers the images that it was made of', async () => {
  const images = await crops(16);
  const [{ answer, values }, expected] = await Promise.all([
    inferRows(server, await tensorOf(images), 'static_logits'),
    staticLogits(images),
  ]);
  expect(answer.parameters).toMatchObject({ recipe: 'brief', applied: 'brief', steps: 3 });
  for (const [i, value] of values.entries()) {
    expect(value).toBeCloseTo(expected[Math.floor(i / 10)]![i % 10]!, 4);
  }
  const adapted = await inferRows(server, await tensorOf(images.slice(3, 4)), 'entropy');
  const { adaptation } = await predict(images[3]!);
  expect(adapted.values).toHaveLength(7);
  expect(adapted.values[6]).toBeCloseTo(adaptation.entropy_after, 3);
});

it('adapts to an image alone as it does in a batch, because the default recipe keeps rows apart', async () => {
  const images = await crops(24);
  const answers = await Promise.all(images.map((image) => predict(image)));
  expect(Math.max(...answers.map(({ batch }) => batch.size))).toBeGreaterThan(1);
  for (const i of [0, 11, 23]) {
    const alone = await predict(images[i]!);
    expect(alone.batch.size).toBe(1);
    expect(alone.predictions[0]!.class).toBe(answers[i]!.predictions[0]!.class);
    expect(alone.adaptation.entropy_after).toBeCloseTo(answers[i]!.adaptation.entropy_after, 3);
  }
});

it('says that it is alive all the while a batch of 128 runs', async () => {
  const images = await crops(128);
  let running = true;
  const batch = Promise.all(images.map((image) => predict(image))).finally(() => {
    running = false;
  });
  // The 128 posts are over by then, but the batch is not.
  await pause(300);
  // A run that blocked the server would let one answer through, when it is over.
  let answers = 0;
  while (running) {
    const response = await fetch(new URL('/v2/health/live', server.url));
    expect(response.status).toBe(200);
    answers += 1;
    await pause(10);
  }
  await batch;
  expect(answers).toBeGreaterThan(5);
}, 60_000);

it('answers every image of a batch whose engine process is killed', async () => {
  const images = await crops(64);
  const before = await enginePids(server.process);
  let done = 0;
  const answers = Promise.all(
    images.map(async (image) => {
      const answer = await predict(image);
      done += 1;
      return answer;
    }),
  );
  await pause(250);
  process.kill(before[0]!, 'SIGKILL');
  expect(done).toBeLessThan(64);
  expect(await answers).toHaveLength(64);
  expect(await enginePids(server.process)).not.toContain(before[0]);
});

it.each([
  [400, 'invalid_image', '/v1/predict', new Uint8Array([1, 2, 3])],
  [400, 'invalid_image', '/v1/predict', new Uint8Array(photo.subarray(0, 3000))],
  [400, 'invalid_request', '/v1/predict?top_k=11', new Uint8Array(photo)],
  [400, 'invalid_request', '/v1/predict?timeout_ms=0', new Uint8Array(photo)],
  [400, 'unknown_recipe', '/v1/predict?recipe=best', new Uint8Array(photo)],
  [404, 'unknown_model', '/v1/models/best/predict', new Uint8Array(photo)],
  [404, 'unknown_model', '/v1/models/cifar10-resnet14/versions/2/predict', new Uint8Array(photo)],
  [413, 'too_large', '/v1/predict', new Uint8Array(11 * 1024 * 1024)],
  [504, 'timeout', '/v1/predict?timeout_ms=1', new Uint8Array(photo)],
])('answers with %i %s: %s', async (status, code, path, body) => {
  const response = await post(path, body, 'image/jpeg');
  expect(await response.json()).toMatchObject({ status, code });
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
});

it('counts what it refused', async () => {
  const refused = async (reason: string): Promise<number> => {
    const metrics = await (await fetch(new URL('/metrics', server.url))).text();
    return Number(new RegExp(`^dent_rejected_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(metrics)![1]);
  };
  // A refusal of a body that is still arriving counts when its connection ends, up to a second after the
  // answer.
  await vi.waitFor(async () => expect(await refused('too_large')).toBe(1), 3000);
  // Two requests, and one image among several.
  expect(await refused('invalid_image')).toBe(3);
  expect(await refused('unknown_model')).toBe(2);
  expect(await refused('timeout')).toBe(1);
});

const readiness = async ({ url }: Running): Promise<number> =>
  (await fetch(new URL('/v2/health/ready', url))).status;

async function inflight({ url }: Running): Promise<number> {
  const metrics = await (await fetch(new URL('/metrics', url))).text();
  return Number(/^dent_inflight_requests (\d+)$/m.exec(metrics)![1]);
}

it('drains at SIGTERM: not ready, still serving, then gone', async () => {
  const draining = await start({ DENT_DRAIN_DELAY_MS: '3000' });
  const [image] = await crops(1);
  expect(await readiness(draining)).toBe(200);
  draining.process.kill('SIGTERM');
  await vi.waitFor(async () => expect(await readiness(draining)).toBe(503), 2000);
  await predict(image!, '', draining);
  expect(await draining.exit).toBe(0);
}, 60_000);

it('answers what is under way before it ends, and refuses what is new in words', async () => {
  const ending = await start();
  const images = await crops(64);
  const answers = Promise.all(
    images.map((image) => post('/v1/predict?recipe=dent', image, 'image/jpeg', ending)),
  );
  await vi.waitFor(async () => expect(await inflight(ending)).toBeGreaterThan(32), {
    interval: 20,
    timeout: 5000,
  });
  ending.process.kill('SIGINT');
  const refused: unknown[] = [];
  for (const response of await answers) if (response.status !== 200) refused.push(await response.json());
  // Posts that the signal overtook.
  expect(refused.length).toBeLessThan(32);
  for (const problem of refused) expect(problem).toMatchObject({ status: 503, code: 'draining' });
  expect(await ending.exit).toBe(0);
}, 60_000);

it('exits at once at a second signal', async () => {
  const draining = await start({ DENT_DRAIN_DELAY_MS: '60000' });
  draining.process.kill('SIGTERM');
  await pause(100);
  // npm does this with a signal that the process has received already.
  draining.process.kill('SIGTERM');
  await pause(900);
  expect(draining.process.exitCode).toBeNull();
  draining.process.kill('SIGINT');
  expect(await draining.exit).toBe(1);
});
