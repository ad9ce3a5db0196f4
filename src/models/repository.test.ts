import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { twoHeads } from '../../test/fixtures/dent/models.ts';
import { compile, PRESETS } from '../dent/index.ts';
import { type Artifact, createAdaptation, createEngine, type Engine } from '../engine/index.ts';
import { DATA_TYPE } from '../onnx/index.ts';
import { float32 } from '../tensor.ts';
import { createArtifactCache } from './artifact-cache.ts';
import { openModelRepository } from './model-repositories.ts';
import { defaultVersion, type ModelRepository } from './repository.ts';

const BUNDLED = new URL('../../models/cifar10-resnet14/1/model.onnx', import.meta.url);
const manifest = {
  input: { width: 32, height: 32, channels: 'rgb', scale: 1 / 255 },
  labels: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
  recipes: { static: {} } as object,
  defaultRecipe: 'static',
  batching: { maxBatchSize: 2 },
};

let engine: Engine;
let folder: string;
let root: string;
let compiled: number;
const opened: ModelRepository[] = [];

beforeAll(() => {
  engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 30_000 });
});
afterAll(() => engine.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-repository-'));
  root = join(folder, 'models');
  compiled = 0;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((repository) => repository.close()));
  await rm(folder, { recursive: true });
});

async function write(name: string, changes: object = {}, version = 1): Promise<void> {
  const path = join(root, name, String(version));
  await mkdir(path, { recursive: true });
  await copyFile(BUNDLED, join(path, 'model.onnx'));
  await writeFile(join(root, name, 'model.json'), JSON.stringify({ ...manifest, ...changes }));
}

/** Opens and loads the repository. `failures` collects what its observer hears. */
async function load(
  options: { cacheDir?: string; defaultModel?: string; engine?: Engine; fillsBatches?: boolean } = {},
) {
  const {
    cacheDir = join(folder, 'cache'),
    engine: runner = engine,
    fillsBatches = false,
    ...rest
  } = options;
  const counted: typeof compile = (...args) => {
    compiled += 1;
    return compile(...args);
  };
  const cache = createArtifactCache(
    { compile: counted, runner },
    { dir: cacheDir, device: 'cpu', fillsBatches },
  );
  const failures: string[] = [];
  const observer = {
    loading: () => {},
    ready: () => {},
    removed: () => {},
    passedOver: () => {},
    released: () => {},
    failed: (model: unknown, version: unknown) => failures.push(`${model}:${version}`),
  };
  const isAwaited = async () => false;
  const deps = { adaptation: createAdaptation(runner), cache, observer, isAwaited };
  const repository = await openModelRepository(deps, { root, pollMs: 0, ...rest });
  opened.push(repository);
  await repository.load();
  return { repository, failures };
}

const reasonOf = (repository: ModelRepository, name: string): string => {
  const entry = repository.model(name)!.versions.at(-1)!;
  return entry.state === 'failed' ? entry.reason : entry.state;
};

it('compiles a model once, and not at all at the next start', async () => {
  await write('a');
  await load();
  expect(compiled).toBe(1);
  const { repository } = await load();
  expect(compiled).toBe(1);
  const serving = defaultVersion(repository.model('a')!)!;
  const row = float32([1, 3, 32, 32], new Float32Array(3072));
  const { logits, entropy } = await serving.run(serving.manifest.recipes.static!, row);
  expect(logits.dims).toEqual([1, 10]);
  expect(entropy.dims).toEqual([1, 1]);
});

it('takes output and size from the manifest, and says what it took, also at the next start', async () => {
  await write('a', {
    input: { width: 8, height: 6, channels: 'rgb', scale: 1 / 255 },
    output: 'logits',
    labels: ['a', 'b', 'c', 'd', 'e'],
    recipes: { isolated: { preset: 'isolated' } },
    defaultRecipe: 'isolated',
  });
  const type = { dataType: DATA_TYPE.float32, shape: ['batch', 3, 'height', 'width'] };
  await writeFile(join(root, 'a', '1', 'model.onnx'), twoHeads({ type }));
  for (const _start of ['first', 'second']) {
    const { repository } = await load();
    const serving = defaultVersion(repository.model('a')!)!;
    expect(serving.tensors).toEqual({ input: 'image', output: 'logits' });
    expect(serving.reading).toEqual({
      input: { name: 'image', layout: 'NCHW', type: 'float32', channels: 3, height: 6, width: 8 },
      output: { name: 'logits', classes: 5, takenAs: 'logits', leftOut: ['embedding'] },
      layers: [{ kind: 'batch', adapted: 1 }],
      leftAlone: [],
      warnings: [],
    });
  }
  expect(compiled).toBe(1);
});

it('compiles one graph for recipes that differ in their number of steps, and another without any', async () => {
  await write('a', {
    recipes: { static: {}, six: { preset: 'isolated' }, ten: { preset: 'isolated', steps: 10 } },
  });
  const { repository } = await load();
  expect(compiled).toBe(2);
  const { artifacts } = defaultVersion(repository.model('a')!)!;
  expect(Object.keys(artifacts)).toEqual(['static', 'six', 'ten']);
  expect(artifacts.six!.path).toBe(artifacts.ten!.path);
  expect(artifacts.six!.path).not.toBe(artifacts.static!.path);
});

it('keeps the preset at hand that small batches fall back to', async () => {
  await write('a', { recipes: { static: {}, norm: { preset: 'norm', small: 'isolated' } } });
  const { repository } = await load();
  const row = float32([1, 3, 32, 32], new Float32Array(3072));
  const { entropy } = await defaultVersion(repository.model('a')!)!.run(PRESETS.isolated, row);
  expect(entropy.dims).toEqual([7, 1]);
});

it('lets the engine split the batches of recipes whose rows are on their own or are summed over', async () => {
  await write('a', {
    recipes: {
      static: {},
      isolated: { preset: 'isolated' },
      mean: { preset: 'isolated', rows: 'batch' },
      dent: { preset: 'dent' },
      blend: { preset: 'blend' },
    },
  });
  const { artifacts } = defaultVersion((await load()).repository.model('a')!)!;
  const names = (which: (artifact: Artifact) => boolean) =>
    Object.keys(artifacts).filter((name) => which(artifacts[name]!));
  expect(names(({ rowsPerPart }) => rowsPerPart !== undefined)).toEqual(['static', 'isolated', 'dent']);
  // Rows that share their parameters are split within a pass, not within a run.
  expect(names(({ carried }) => carried !== undefined)).toEqual(['dent']);
});

it('opens and warms a session for each size that batches are filled up to, before a version serves', async () => {
  await write('a', { batching: { maxBatchSize: 6 } });
  await load();
  let open = 0;
  const sizes: unknown[] = [];
  const counted: Engine = {
    ...engine,
    pids: engine.pids,
    async open(source, how) {
      const graph = await engine.open(source, how);
      if (typeof source.model === 'string') open += 1;
      return {
        ...graph,
        run(feeds, runOptions) {
          if (runOptions?.filling) sizes.push([runOptions.filling.from, runOptions.filling.to]);
          return graph.run(feeds, runOptions);
        },
      };
    },
  };
  const { repository } = await load({ engine: counted, fillsBatches: true });
  // Another graph than that of the first start.
  expect(compiled).toBe(2);
  expect(open).toBe(4);
  expect(sizes).toEqual([1, 2, 4, 8].map((size) => [size, size]));
  const serving = defaultVersion(repository.model('a')!)!;
  const rows = float32([3, 3, 32, 32], new Float32Array(3 * 3072));
  expect((await serving.run(serving.manifest.recipes.static!, rows)).logits.dims).toEqual([3, 10]);
  expect(open).toBe(4);
  expect(sizes.at(-1)).toEqual([3, 4]);
});

it('serves the largest version that works', async () => {
  await write('a', {}, 1);
  await write('a', {}, 2);
  await write('a', {}, 10);
  await writeFile(join(root, 'a', '10', 'model.onnx'), 'no model');
  const { repository, failures } = await load();
  expect(defaultVersion(repository.model('a')!)!.version).toBe(2);
  expect(failures).toEqual(['a:10']);
  expect(reasonOf(repository, 'a')).toMatch(/^a\/10\/model\.onnx: /);
});

it.each([
  [
    'labels',
    { labels: ['cat', 'dog'] },
    /a\/model\.json: the field "labels" has 2 entries; .*model\.onnx has 10 classes\. List a label for each class, in the order of the output "logits"\.$/,
  ],
  [
    'size',
    { input: { ...manifest.input, width: 48 } },
    /a\/model\.json: the field "input" makes images of 3 x 32 x 48 .*; .*model\.onnx takes 3 x 32 x 32\. Set its "channels", "height" and "width" to that\.$/,
  ],
  [
    'channels',
    { input: { ...manifest.input, channels: 'gray' } },
    /makes images of 1 x 32 x 32 .*; .*model\.onnx takes 3 x 32 x 32\. Set its "channels", "height" and "width" to that\.$/,
  ],
])('says where manifest and model disagree: %s', async (_, changes, reason) => {
  await write('a', changes);
  await write('b');
  const { repository } = await load();
  expect(reasonOf(repository, 'a')).toMatch(reason);
  expect(reasonOf(repository, 'b')).toBe('ready');
});

it('answers for the first model by default, or for the one that was named', async () => {
  await write('b');
  await write('a');
  expect((await load()).repository.defaultModel).toBe('a');
  expect((await load({ defaultModel: 'b' })).repository.defaultModel).toBe('b');
  await expect(load({ defaultModel: 'c' })).rejects.toThrow(
    `${root}: there is no model "c" to serve by default; set DENT_DEFAULT_MODEL to one of a, b.`,
  );
});

it('shows by the time of an entry in the cache when it was last of use', async () => {
  await write('a');
  await load();
  const [entry] = await readdir(join(folder, 'cache'));
  const path = join(folder, 'cache', entry!);
  await utimes(path, 0, 0);
  await load();
  expect(Date.now() - (await stat(path)).mtimeMs).toBeLessThan(60_000);
});

it('leaves nothing half-written in the cache, and says where it cannot write', async () => {
  await write('a');
  await load();
  const [entry, ...others] = await readdir(join(folder, 'cache'));
  expect(others).toEqual([]);
  expect((await readdir(join(folder, 'cache', entry!))).sort()).toEqual(['graph.json', 'graph.onnx']);
  expect(JSON.parse(await readFile(join(folder, 'cache', entry!, 'graph.json'), 'utf8')).classes).toBe(10);

  await writeFile(join(folder, 'file'), '');
  await write('a', { recipes: { static: {}, isolated: { preset: 'isolated' } } });
  const { repository } = await load({ cacheDir: join(folder, 'file') });
  // Once, however many recipes there are.
  expect(reasonOf(repository, 'a')).toMatch(
    /^\S+: Compiled models cannot be written to \S+file, a file is in its place; DENT_CACHE_DIR names another folder\.$/,
  );
});
