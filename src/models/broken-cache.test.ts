import { appendFile, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeRepository } from '../../test/fixtures/serving/processes.ts';
import { compile } from '../dent/index.ts';
import { createAdaptation, createEngine, type Engine } from '../engine/index.ts';
import { float32 } from '../tensor.ts';
import { createArtifactCache } from './artifact-cache.ts';
import { readVersion } from './load-version.ts';
import { listRepository } from './repository-scan.ts';

const ROW = float32([1, 3, 32, 32], new Float32Array(3072).fill(0.5));

let folder: string;
let cacheDir: string;
let engine: Engine;
let compiled: number;
let told: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-broken-cache-'));
  cacheDir = join(folder, 'cache');
  await writeRepository(join(folder, 'models'), { recipes: { static: { preset: 'static' } } });
  engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 60_000 });
  compiled = 0;
  told = [];
});
afterEach(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** A version that is served from the cache. */
async function open() {
  const counted: typeof compile = (...args) => {
    compiled += 1;
    return compile(...args);
  };
  const cache = createArtifactCache({ compile: counted, runner: engine }, { dir: cacheDir, device: 'cpu' });
  const onRestoring = (graph: string, reason: string) => told.push(`${graph}: ${reason}`);
  const { folders } = await listRepository(join(folder, 'models'));
  const model = (await folders[0]!.read())!;
  const deps = { adaptation: createAdaptation(engine), cache, onRestoring };
  const version = await (await readVersion(deps, model, model.versions[0]!)).open();
  const run = async () => (await version.run(version.manifest.recipes.static!, ROW)).logits.data;
  return { version, run };
}

const entry = async (file: string): Promise<string> => join(cacheDir, (await readdir(cacheDir))[0]!, file);

/** What may happen to the files of a cache. */
const HARM = {
  'is removed': () => rm(cacheDir, { recursive: true }),
  'has a graph cut off': async () => truncate(await entry('graph.onnx'), 1000),
  'has a graph with more bytes': async () => appendFile(await entry('graph.onnx'), 'more'),
  'has an empty graph': async () => truncate(await entry('graph.onnx')),
  'has no graph': async () => rm(await entry('graph.onnx')),
  'has a description cut off': async () => truncate(await entry('graph.json'), 10),
};

it.each(Object.entries(HARM))('a cache that %s is filled again at the next start', async (_name, harm) => {
  const { run, version } = await open();
  const before = await run();
  await version.release();
  await harm();
  expect(await (await open()).run()).toEqual(before);
  expect(compiled).toBe(2);
  await open();
  expect(compiled).toBe(2);
  expect(await readdir(cacheDir)).toHaveLength(1);
});

it.each(['is removed', 'has a graph cut off', 'has no graph'] as const)(
  'a crashed process is replaced where the cache %s meanwhile',
  async (name) => {
    const { run } = await open();
    const before = await run();
    await HARM[name]();
    // Sessions that are open do not notice.
    expect(await run()).toEqual(before);
    expect(told).toEqual([]);
    process.kill(engine.pids[0]!, 'SIGKILL');
    // All wait for one compiler.
    for (const logits of await Promise.all([run(), run(), run()])) expect(logits).toEqual(before);
    expect(compiled).toBe(2);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^cifar10-resnet14:1\/static: .*cannot be opened/);
  },
);

it('says what is wrong where the cache cannot be filled again, and does not try for every image', async () => {
  const { run } = await open();
  await rm(cacheDir, { recursive: true });
  await writeFile(cacheDir, '');
  process.kill(engine.pids[0]!, 'SIGKILL');
  await expect(run()).rejects.toThrow('Compiled models cannot be written to');
  await expect(run()).rejects.toThrow('cannot be opened');
  expect(compiled).toBe(2);
  expect(told).toHaveLength(1);
});
