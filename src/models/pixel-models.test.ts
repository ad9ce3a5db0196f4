import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { body, chain, head, modelOf, type Write } from '../../test/fixtures/dent/models.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { writeModel } from '../../test/fixtures/models/write-model.ts';
import { compile } from '../dent/index.ts';
import { createAdaptation } from '../engine/index.ts';
import { DATA_TYPE } from '../onnx/index.ts';
import { createArtifactCache } from './artifact-cache.ts';
import { createDescriber } from './describe-version.ts';
import { readVersion } from './load-version.ts';
import { listRepository } from './repository-scan.ts';

const engine = startEngine();

const toFloat: Write = (b, x) => b.op('Cast', [x], { attributes: { to: DATA_TYPE.float32 } });
const bytes = modelOf(chain(toFloat, body, head), {
  type: { dataType: DATA_TYPE.uint8, shape: ['n', 3, 6, 8] },
});

/** A repository whose one model takes bytes, as a describer and a loader see it. */
async function repository(input: object) {
  const folder = await mkdtemp(join(tmpdir(), 'dent-pixels-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const root = join(folder, 'models');
  const manifest = {
    input: { width: 8, height: 6, channels: 'rgb', ...input },
    labels: ['a', 'b', 'c', 'd', 'e'],
    recipes: { static: {} },
    defaultRecipe: 'static',
  };
  await writeModel(root, 'tiny', bytes, manifest);
  const found = await (await listRepository(root)).folders[0]!.read();
  const cache = createArtifactCache(
    { compile, runner: engine },
    { dir: join(folder, 'cache'), device: 'cpu' },
  );
  const deps = { adaptation: createAdaptation(engine), cache };
  return { found, open: async () => (await readVersion(deps, found, found.versions[0]!)).open() };
}

it('a model of bytes is described and served as one', async () => {
  const { found, open } = await repository({ scale: 1 });
  const tensors = { input: 'image', output: 'result', pixels: true };
  expect((await createDescriber()(found, found.versions[0]!)).tensors).toEqual(tensors);
  const served = await open();
  expect(served.tensors).toEqual(tensors);
  await served.release();
});

it.each([
  ['a scale', { scale: 1 / 255 }],
  ['a mean', { scale: 1, mean: [0.5, 0.5, 0.5] }],
  ['a deviation', { scale: 1, std: [2, 2, 2] }],
])('a model of bytes is not fed pixels changed by %s', async (_what, input) => {
  const { found, open } = await repository(input);
  await expect(open()).rejects.toThrow(
    `${found.manifestPath}: ${found.versions[0]!.modelPath} takes the bytes of pixels (uint8) and normalises them itself, so "input.scale" must be 1, and "input.mean" and "input.std" must be left out.`,
  );
});
