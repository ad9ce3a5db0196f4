import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { compile } from '../dent/index.ts';
import { createAdaptation, createEngine, type Engine } from '../engine/index.ts';
import { float32 } from '../tensor.ts';
import { createArtifactCache } from './artifact-cache.ts';
import type { DescribedVersion } from './model.ts';
import { openModelDescriptions, openModelRepository } from './model-repositories.ts';
import { defaultVersion, type ModelRepository, type RepositoryObserver } from './repository.ts';

const BUNDLED = new URL('../../models/cifar10-resnet14/1/model.onnx', import.meta.url);
const LABELS = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const MANIFEST = {
  input: { width: 32, height: 32, channels: 'rgb', scale: 1 / 255 },
  labels: LABELS,
  recipes: { static: {} },
  defaultRecipe: 'static',
};
/** A field that ONNX does not know. It makes copies of one model with different hashes. */
const unknownField = (value: number): Uint8Array => Uint8Array.of(0xb8, 0x3e, value);

let engine: Engine;
let bundled: Buffer;
let folder: string;
let root: string;
let cacheDir: string;
/** What observers have heard, such as "ready a:1". */
const heard: string[] = [];
const opened: ModelRepository<DescribedVersion>[] = [];

beforeAll(async () => {
  engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 30_000 });
  bundled = await readFile(BUNDLED);
  cacheDir = await mkdtemp(join(tmpdir(), 'dent-reload-cache-'));
});
afterAll(async () => {
  await engine.close();
  await rm(cacheDir, { recursive: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-reload-'));
  root = join(folder, 'models');
  heard.length = 0;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((repository) => repository.close()));
  await rm(folder, { recursive: true });
});

const writeManifest = async (name: string, changes: object | string = {}): Promise<void> => {
  await mkdir(join(root, name), { recursive: true });
  const text = typeof changes === 'string' ? changes : JSON.stringify({ ...MANIFEST, ...changes });
  await writeFile(join(root, name, 'model.json'), text);
};

async function writeVersion(name: string, version: number, bytes?: Uint8Array | string): Promise<void> {
  await mkdir(join(root, name, String(version)), { recursive: true });
  const model = bytes ?? Buffer.concat([bundled, unknownField(version)]);
  await writeFile(join(root, name, String(version), 'model.onnx'), model);
}

async function writeModel(name: string, versions: readonly number[] = [1]): Promise<void> {
  await writeManifest(name);
  for (const version of versions) await writeVersion(name, version);
}

const observer: RepositoryObserver = {
  loading: (model, version) => heard.push(`loading ${model}:${version}`),
  ready: ({ name, version }) => heard.push(`ready ${name}:${version}`),
  failed: (model, version) => heard.push(`failed ${model}:${version}`),
  passedOver: ({ path }) => heard.push(`passed over ${relative(root, path)}`),
  removed: (model, version) => heard.push(`removed ${model}:${version}`),
  released: ({ name, version }) => heard.push(`released ${name}:${version}`),
};

/** The contents that rows wait for. */
const waiting = new Set<string>();

async function open({ pollMs = 0 } = {}): Promise<ModelRepository> {
  const cache = createArtifactCache({ compile, runner: engine }, { dir: cacheDir, device: 'cpu' });
  const isAwaited = async (content: string): Promise<boolean> => waiting.has(content);
  const repository = await openModelRepository(
    { adaptation: createAdaptation(engine), cache, observer, isAwaited },
    { root, pollMs },
  );
  opened.push(repository);
  await repository.load();
  return repository;
}

/** Each version with its state, such as "1 ready". */
const statesOf = (repository: ModelRepository<DescribedVersion>, name: string): string[] =>
  repository.model(name)!.versions.map(({ version, state }) => `${version} ${state}`);

const servingOf = <V extends DescribedVersion>(repository: ModelRepository<V>, name: string): V =>
  defaultVersion(repository.model(name)!)!;

const reasonOf = (repository: ModelRepository, name: string, version: number): string => {
  const entry = repository.model(name)!.versions.find((each) => each.version === version)!;
  return 'reason' in entry ? entry.reason! : entry.state;
};

const row = float32([1, 3, 32, 32], new Float32Array(3072));

it('serves a new version, beside those that there were', async () => {
  await writeModel('a');
  const repository = await open();
  await writeVersion('a', 2);
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready']);
  expect(servingOf(repository, 'a').version).toBe(2);
  heard.length = 0;
  await repository.reload();
  expect(heard).toEqual([]);
});

it('goes on with a model into whose folder strangers have put folders, and tells of each once', async () => {
  await writeModel('a');
  const repository = await open();
  const strays = ['backup', '@eaDir', 'configs', 'lost+found', '01'];
  for (const stray of strays) await mkdir(join(root, 'a', stray));
  await mkdir(join(root, '#recycle'));
  await repository.reload();
  await writeVersion('a', 2);
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready']);
  expect(repository.model('a')?.reason).toBeUndefined();
  const told = () => heard.filter((each) => each.startsWith('passed over')).sort();
  expect(told()).toEqual(
    ['#recycle', ...strays.map((each) => `a/${each}`)].map((each) => `passed over ${each}`).sort(),
  );

  heard.length = 0;
  expect(statesOf(await open(), 'a')).toEqual(['1 ready', '2 ready']);
  expect(told()).toHaveLength(6);
});

it('does not wait for a pipe in the place of a file', async () => {
  await writeModel('a');
  await writeModel('b');
  await writeModel('c');
  const pipes = [join(root, 'a', 'model.json'), join(root, 'b', '1', 'model.onnx')];
  for (const pipe of pipes) {
    await rm(pipe);
    execFileSync('mkfifo', [pipe]);
  }
  const repository = await open();
  expect(statesOf(repository, 'c')).toEqual(['1 ready']);
  expect(repository.model('a')?.reason).toBe(
    `a/model.json: the manifest cannot be read (it is no regular file).`,
  );
  expect(reasonOf(repository, 'b', 1)).toBe(
    'b/1/model.onnx: the model cannot be read (it is no regular file).',
  );
});

it('opens a changed file beside the old one, and releases that when its rows are answered', async () => {
  await writeModel('a');
  const repository = await open();
  const before = servingOf(repository, 'a');
  const request = repository.hold(before.content)!;
  waiting.add(before.content);
  await writeVersion('a', 1, Buffer.concat([bundled, unknownField(7)]));
  await repository.reload();
  const after = servingOf(repository, 'a');
  expect([after.version, after.sha256 === before.sha256]).toEqual([1, false]);

  request.letGo();
  await pause(250);
  // The version that accepted the row runs it.
  const run = repository.hold(before.content)!;
  waiting.delete(before.content);
  expect((await run.version.run(before.manifest.recipes.static!, row)).logits.dims).toEqual([1, 10]);
  expect(heard).not.toContain('released a:1');
  run.letGo();
  await vi.waitFor(() => expect(heard).toContain('released a:1'));
  expect(repository.hold(before.content)).toBeUndefined();
  expect(repository.describe(before.content)).toMatchObject({ version: 1, sha256: before.sha256 });
  expect(repository.contents()).toEqual([after.content]);
});

it('serves every version by a changed manifest', async () => {
  await writeModel('a', [1, 2]);
  const repository = await open();
  const before = repository.contents();
  await writeManifest('a', { labels: [...LABELS.slice(1), 'zebra'] });
  await repository.reload();
  for (const version of repository.model('a')!.versions) {
    expect(version).toMatchObject({ state: 'ready', serving: { manifest: { labels: { 9: 'zebra' } } } });
  }
  await vi.waitFor(() => expect(repository.contents()).toHaveLength(2));
  expect(before.some((content) => repository.contents().includes(content))).toBe(false);
});

it('opens nothing anew for what of a manifest concerns no graph', async () => {
  await writeModel('a');
  const repository = await open();
  const { content } = servingOf(repository, 'a');
  heard.length = 0;
  await writeManifest('a', { batching: { maxBatchSize: 3 }, description: 'New.' });
  await repository.reload();
  expect(heard).toEqual(['ready a:1']);
  expect(servingOf(repository, 'a')).toMatchObject({ content, manifest: { batching: { maxBatchSize: 3 } } });
  expect(repository.describe(content)!.manifest.description).toBe('New.');
});

it('goes on serving what a version was while its changed file cannot be, and tries again when it changes', async () => {
  await writeModel('a');
  const repository = await open();
  const { sha256 } = servingOf(repository, 'a');
  await writeVersion('a', 1, bundled.subarray(0, 1000));
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
  expect(servingOf(repository, 'a').sha256).toBe(sha256);
  expect(reasonOf(repository, 'a', 1)).toMatch(/^a\/1\/model\.onnx: /);
  heard.length = 0;
  await repository.reload();
  expect(heard).toEqual([]);
  await writeVersion('a', 1);
  await repository.reload();
  expect(reasonOf(repository, 'a', 1)).toBe('ready');
  // These bytes have served all the time.
  expect(heard).toEqual(['ready a:1']);
});

it.each([
  ['a file that is no model', 'no model', /2\/model\.onnx: /],
  ['no file', undefined, /2\/model\.onnx: the model is missing; put the ONNX file there\.$/],
])('shows why a new version fails that has %s, and serves the old one', async (_, bytes, reason) => {
  await writeModel('a');
  const repository = await open();
  if (bytes === undefined) await mkdir(join(root, 'a', '2'));
  else await writeVersion('a', 2, bytes);
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 failed']);
  expect(reasonOf(repository, 'a', 2)).toMatch(reason);
  expect(servingOf(repository, 'a').version).toBe(1);
  await writeVersion('a', 2);
  await repository.reload();
  expect(servingOf(repository, 'a').version).toBe(2);
});

it('goes on with the manifest that it has while the new one cannot be read', async () => {
  await writeModel('a');
  await writeModel('b');
  const repository = await open();
  await writeManifest('a', '{"input":');
  await repository.reload();
  expect(repository.model('a')).toMatchObject({
    reason: expect.stringContaining('a/model.json: this is not valid JSON'),
    versions: [{ state: 'ready' }],
  });
  await rm(join(root, 'a', 'model.json'));
  await repository.reload();
  expect(repository.model('a')).toMatchObject({
    // Only the log names the place of the repository.
    reason: 'a/model.json: the manifest is missing; `dent init` drafts one.',
    versions: [{ state: 'ready' }],
  });
  expect(repository.model('b')!.reason).toBeUndefined();
  await writeManifest('a');
  await repository.reload();
  expect(repository.model('a')!.reason).toBeUndefined();
});

it('serves models that are added, and those no more that are removed', async () => {
  await writeModel('b');
  const repository = await open();
  await writeModel('a');
  await mkdir(join(root, 'half'));
  await repository.reload();
  expect(repository.models().map(({ name }) => name)).toEqual(['a', 'b', 'half']);
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
  expect(repository.model('half')).toMatchObject({
    reason: expect.stringMatching(/^half\/model\.json: the manifest is missing; /),
    versions: [],
  });
  // Requests that name no model get the same model as before.
  expect(repository.defaultModel).toBe('b');
  await rm(join(root, 'a'), { recursive: true });
  await rm(join(root, 'half'), { recursive: true });
  await repository.reload();
  expect(repository.models().map(({ name }) => name)).toEqual(['b']);
  await vi.waitFor(() => expect(heard).toContain('released a:1'));
  expect(heard).toContain('removed a:1');
});

it('serves a version no more that is removed, unless no other can', async () => {
  await writeModel('a', [1, 2]);
  const repository = await open();
  await rm(join(root, 'a', '2'), { recursive: true });
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
  await rename(join(root, 'a', '1'), join(root, 'a', '3'));
  await writeVersion('a', 3, 'no model');
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready', '3 failed']);
  expect(reasonOf(repository, 'a', 1)).toBe('Its folder is gone; it serves until another version can.');
  await writeVersion('a', 3);
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['3 ready']);
});

it.each([
  ['is empty', () => mkdir(root)],
  ['is gone', async () => {}],
])('takes nothing out of service where the repository %s, as that of a lost volume', async (_, prepare) => {
  await writeModel('a');
  const repository = await open();
  await rename(root, `${root}-elsewhere`);
  await prepare();
  await expect(repository.reload()).rejects.toThrow(`${root}: `);
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
  await rm(root, { recursive: true, force: true });
  await rename(`${root}-elsewhere`, root);
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
});

it('refuses links that lead out of the repository, at any time', async () => {
  await writeModel('a');
  const repository = await open();
  await cp(join(root, 'a'), join(folder, 'outside'), { recursive: true });
  await symlink(join(folder, 'outside'), join(root, 'b'));
  await symlink(join(folder, 'outside', '1'), join(root, 'a', '2'));
  await repository.reload();
  expect(repository.model('b')!.reason).toBe(
    `b: this symbolic link leads out of the model repository; put the file itself there.`,
  );
  expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 failed']);
  await expect(repository.loadModel('b')).rejects.toThrow('leads out of the model repository');
});

describe('at the start', () => {
  it('serves what can be served beside a model that cannot', async () => {
    await writeManifest('a', '{');
    await writeModel('b');
    const repository = await open();
    expect(statesOf(repository, 'b')).toEqual(['1 ready']);
    expect(repository.model('a')).toMatchObject({
      reason: expect.stringContaining('not valid JSON'),
      versions: [],
    });
    expect(heard).toContain('failed a:undefined');
    expect(repository.defaultModel).toBe('b');
    expect(repository.isLoaded()).toBe(true);
  });

  it('gives up where no model can be read', async () => {
    await writeManifest('a', '{');
    await writeManifest('b', '{');
    await expect(open()).rejects.toThrow(`${join(root, 'a/model.json')}: this is not valid JSON`);
  });
});

describe('by request', () => {
  it('unloads a model when its rows are answered, and loads it again', async () => {
    await writeModel('a', [1, 2]);
    await writeModel('b');
    const repository = await open();
    const hold = repository.hold(servingOf(repository, 'a').content)!;
    const unloaded = repository.unloadModel('a');
    await vi.waitFor(() => expect(repository.model('a')!.isUnloaded).toBe(true));
    expect(statesOf(repository, 'a')).toEqual(['1 unloaded', '2 unloaded']);
    await pause(250);
    expect(heard).not.toContain('released a:2');
    hold.letGo();
    await unloaded;
    expect(heard).toContain('released a:2');
    // Not even when it changes.
    await writeVersion('a', 3);
    await repository.reload();
    expect(statesOf(repository, 'a')).toEqual(['1 unloaded', '2 unloaded', '3 unloaded']);
    expect(statesOf(repository, 'b')).toEqual(['1 ready']);
    await repository.loadModel('a');
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready', '3 ready']);
  });

  it('loads what has changed, without waiting for stillness', async () => {
    await writeModel('a');
    const repository = await open({ pollMs: 3_600_000 });
    await writeVersion('a', 2);
    await repository.loadModel('a');
    expect(servingOf(repository, 'a').version).toBe(2);
    await writeModel('b');
    await repository.loadModel('b');
    expect(statesOf(repository, 'b')).toEqual(['1 ready']);
  });

  it('says why a model cannot be loaded, and tries again', async () => {
    await writeModel('a');
    const repository = await open();
    await expect(repository.loadModel('none')).rejects.toMatchObject({ code: 'unknown_model' });
    await expect(repository.unloadModel('../a')).rejects.toMatchObject({ code: 'unknown_model' });
    await writeVersion('a', 2, 'no model');
    for (let i = 0; i < 2; i += 1) {
      await expect(repository.loadModel('a')).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringMatching(/^The model "a" could not be loaded\. a\/2\/model\.onnx: /),
      });
    }
    expect(heard.filter((line) => line === 'failed a:2')).toHaveLength(2);
    expect(servingOf(repository, 'a').version).toBe(1);
    await writeManifest('a', '{');
    await expect(repository.loadModel('a')).rejects.toThrow(/model\.json: this is not valid JSON/);
    expect(servingOf(repository, 'a').version).toBe(1);
  });
});

it('notices changes by itself, and leaves a file alone that is still growing', async () => {
  await writeModel('a');
  const repository = await open({ pollMs: 500 });
  await mkdir(join(root, 'a', '2'));
  const path = join(root, 'a', '2', 'model.onnx');
  for (let part = 0; part < 10; part += 1) {
    const size = Math.ceil(bundled.length / 10);
    await writeFile(path, bundled.subarray(part * size, (part + 1) * size), { flag: 'a' });
    await pause(100);
  }
  await vi.waitFor(() => expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready']), 10_000);
  await rm(join(root, 'a', '1'), { recursive: true });
  await vi.waitFor(() => expect(statesOf(repository, 'a')).toEqual(['2 ready']), 10_000);
});

describe('without an engine', () => {
  const runnable = new Set<string>();
  let reachable = true;

  async function openDescriptions(pollMs = 0): Promise<ModelRepository<DescribedVersion>> {
    const isRunnable = async (content: string): Promise<boolean> => {
      if (!reachable) throw new Error('Redis is away.');
      return runnable.has(content);
    };
    const repository = await openModelDescriptions({ observer, isRunnable }, { root, pollMs });
    opened.push(repository);
    await repository.load();
    return repository;
  }
  beforeEach(() => {
    runnable.clear();
    reachable = true;
  });

  it('does not serve what no worker has while one has an older version', async () => {
    await writeModel('a');
    const repository = await openDescriptions();
    const old = servingOf(repository, 'a');
    runnable.add(old.content);
    await writeVersion('a', 2);
    await repository.reload();
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 loading']);
    expect(repository.model('a')!.versions[1]).toHaveProperty(
      'reason',
      'No worker has its files as they are now.',
    );
    expect(servingOf(repository, 'a').version).toBe(1);
    // A changed file of a version that serves.
    await writeVersion('a', 1, Buffer.concat([bundled, unknownField(9)]));
    await repository.reload();
    expect(repository.model('a')!.versions[0]).toMatchObject({
      serving: { sha256: old.sha256 },
      reason: 'No worker has its files as they are now.',
    });
    reachable = false;
    await repository.reload();
    expect(servingOf(repository, 'a').content).toBe(old.content);
    reachable = true;
    runnable.clear();
    await repository.reload();
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready']);
    expect(repository.model('a')!.versions[0]).not.toHaveProperty('reason');
  });

  it('goes on by itself once it can be told who has what', async () => {
    await writeModel('a', [1, 2]);
    reachable = false;
    const repository = await openDescriptions();
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 loading']);
    expect(repository.isLoaded()).toBe(true);
    reachable = true;
    await vi.waitFor(() => expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready']), 5000);
  });

  it('waits for a worker where it is asked to load a model', async () => {
    await writeModel('a');
    const repository = await openDescriptions();
    const contents = new Map([[1, servingOf(repository, 'a').content]]);
    runnable.add(contents.get(1)!);
    await writeVersion('a', 2);
    const loaded = repository.loadModel('a');
    await pause(100);
    expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 loading']);
    // No worker has the first any more, so it makes no difference where rows of the second wait.
    runnable.clear();
    await loaded;
    expect(servingOf(repository, 'a').version).toBe(2);
  });
});
