import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import type { ModelSummary } from '../src/inference/inference.ts';
import { startRedisServer } from './fixtures/redis/redis-server.ts';
import { type Load, startLoad } from './fixtures/serving/load.ts';
import { crops } from './fixtures/serving/photos.ts';
import {
  metric,
  postImage,
  type Running,
  startDent,
  statusOf,
  writeRepository,
} from './fixtures/serving/processes.ts';

const MODEL = 'cifar10-resnet14';
const MANIFEST = {
  recipes: { static: {} },
  defaultRecipe: 'static',
  batching: { maxBatchSize: 16, maxDelayMs: 10, timeoutMs: 30_000 },
};
/** How long a reload may take. */
const SWITCH = { timeout: 10_000, interval: 50 };
/** A field that ONNX does not know. It changes the model's hash. */
const UNKNOWN_FIELD = Uint8Array.of(0xb8, 0x3e, 1);

let folder: string;
let images: Uint8Array<ArrayBuffer>[];
beforeAll(async () => {
  images = await crops(16);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-reload-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function start(args: string[], env: Record<string, string> = {}): Promise<Running> {
  const running = await startDent(args, {
    DENT_MODELS: join(folder, 'models'),
    DENT_CACHE_DIR: join(folder, 'cache'),
    DENT_REPOSITORY_POLL_MS: '500',
    ...env,
  });
  onTestFinished(async () => {
    running.process.kill('SIGINT');
    await running.exit;
  });
  return running;
}

/**
 * Puts a copy of version 1 into a repository as another version, all at once, as docs/model-repository.md
 * says.
 */
async function addVersion(version: number, root = join(folder, 'models')): Promise<void> {
  const model = join(root, MODEL);
  await cp(join(model, '1'), join(model, '.incoming'), { recursive: true });
  await writeFile(join(model, '.incoming', 'model.onnx'), UNKNOWN_FIELD, { flag: 'a' });
  await rename(join(model, '.incoming'), join(model, String(version)));
}

async function describeModel({ url }: Running): Promise<ModelSummary> {
  const response = await fetch(new URL(`/v1/models/${MODEL}`, url));
  return (await response.json()) as ModelSummary;
}

/** Resolves when the latest answer is as it should be. */
const untilAnswered = ({ answers, failures }: Load, check: (answer: Load['answers'][number]) => boolean) =>
  vi.waitFor(() => {
    expect(failures).toEqual([]);
    expect(check(answers.findLast(() => true)!)).toBe(true);
  }, SWITCH);

it('changes what it serves without failing one of 50 requests a second', async () => {
  await writeRepository(join(folder, 'models'), MANIFEST);
  const server = await start(['serve', '--threads', '1']);
  const manifestPath = join(folder, 'models', MODEL, 'model.json');
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
  let isReady = true;
  const readiness = setInterval(async () => {
    if ((await statusOf(server, '/v2/health/ready')) !== 200) isReady = false;
  }, 200);
  onTestFinished(() => clearInterval(readiness));
  const load = startLoad(server, images, 50);
  await untilAnswered(load, ({ model }) => model.version === 1);

  await addVersion(2);
  await untilAnswered(load, ({ model }) => model.version === 2);
  await rm(join(folder, 'models', MODEL, '1'), { recursive: true });
  await vi.waitFor(async () => expect(await metric(server, 'dent_model_info')).toBe(1), SWITCH);

  const labels = manifest.labels.map((label: string) => `new ${label}`);
  await writeFile(`${manifestPath}.new`, JSON.stringify({ ...manifest, labels }));
  await rename(`${manifestPath}.new`, manifestPath);
  await untilAnswered(load, ({ predictions }) => predictions[0]!.label.startsWith('new '));

  await mkdir(join(folder, 'models', MODEL, '3'));
  await writeFile(join(folder, 'models', MODEL, '3', 'model.onnx'), 'no model');
  await vi.waitFor(async () => {
    const { versions, defaultVersion } = await describeModel(server);
    expect(versions).toMatchObject([
      { version: 2, state: 'ready' },
      { version: 3, state: 'failed', reason: expect.stringContaining('3/model.onnx: ') },
    ]);
    expect(defaultVersion).toBe(2);
  }, SWITCH);
  await untilAnswered(load, ({ model }) => model.version === 2);

  await load.stop();
  expect(load.failures).toEqual([]);
  expect(isReady).toBe(true);
  const versions = load.answers.map(({ model }) => model.version);
  // Each change is one moment, after which the old version answers no more. Posts may overtake one another.
  expect(new Set(versions.slice(versions.indexOf(2) + 20))).toEqual(new Set([2]));
  const isNew = load.answers.map(({ predictions }) => predictions.map(({ label }) => /^new /.test(label)));
  for (const labels of isNew) expect(new Set(labels).size).toBe(1);
  expect(isNew.slice(isNew.findIndex(([first]) => first) + 20).flat()).not.toContain(false);
}, 90_000);

it('unloads and loads models as it is told, and says why it cannot', async () => {
  await writeRepository(join(folder, 'models'), MANIFEST);
  const server = await start(['serve', '--threads', '1'], { DENT_REPOSITORY_POLL_MS: '0' });
  const control = (path: string) => fetch(new URL(`/v2/repository/${path}`, server.url), { method: 'POST' });
  expect((await control(`models/${MODEL}/unload`)).status).toBe(200);
  const refused = await postImage(server, images[0]!);
  expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'not_ready' }]);
  expect(await statusOf(server, '/v2/health/ready')).toBe(200);
  expect(await metric(server, 'dent_model_info')).toBe(0);
  expect(await (await control('index')).json()).toEqual([
    { name: MODEL, version: '1', state: 'UNAVAILABLE', reason: 'unloaded' },
  ]);
  await addVersion(2);
  const loaded = await control(`models/${MODEL}/load`);
  expect([loaded.status, await loaded.text()]).toEqual([200, '']);
  expect(await (await postImage(server, images[0]!)).json()).toMatchObject({ model: { version: 2 } });

  await writeFile(join(folder, 'models', MODEL, 'model.json'), '{');
  const failed = await control(`models/${MODEL}/load`);
  expect([failed.status, await failed.json()]).toEqual([
    400,
    { error: expect.stringMatching(/could not be loaded\. .*model\.json: this is not valid JSON/) },
  ]);
  expect((await postImage(server, images[0]!)).status).toBe(200);
}, 60_000);

it('switches API processes when a worker has the new version, and workers at any time', async () => {
  const redis = await startRedisServer();
  onTestFinished(() => redis.stop());
  // Two repositories of the same contents, so that each process can be the first to change.
  const [apiRoot, workerRoot] = [join(folder, 'api'), join(folder, 'worker')];
  for (const root of [apiRoot, workerRoot]) await writeRepository(root, MANIFEST);
  const env = { DENT_REDIS_URL: redis.url };
  const [api] = await Promise.all([
    start(['serve', '--queue', 'redis'], { ...env, DENT_MODELS: apiRoot }),
    start(['worker', '--threads', '1'], { ...env, DENT_MODELS: workerRoot }),
  ]);
  const load = startLoad(api, images, 20);
  await untilAnswered(load, ({ model }) => model.version === 1);

  await addVersion(2, apiRoot);
  await vi.waitFor(async () => {
    expect((await describeModel(api)).versions[1]).toMatchObject({ version: 2, state: 'loading' });
  }, SWITCH);
  await pause(1500);
  await untilAnswered(load, ({ model }) => model.version === 1);
  await addVersion(2, workerRoot);
  await untilAnswered(load, ({ model }) => model.version === 2);

  // The worker changes first. Rows for what it has replaced keep coming, and are answered by what they were
  // sent for.
  const manifest = await readFile(join(workerRoot, MODEL, 'model.json'), 'utf8');
  await writeFile(join(workerRoot, MODEL, 'model.json'), manifest.replace('"ship"', '"boat"'));
  await pause(2000);
  await writeFile(join(apiRoot, MODEL, 'model.json'), manifest.replace('"ship"', '"boat"'));
  await vi.waitFor(async () => expect((await describeModel(api)).labels).toContain('boat'), SWITCH);
  await load.stop();
  expect(load.failures).toEqual([]);
}, 90_000);
