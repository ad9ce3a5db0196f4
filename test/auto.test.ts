import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Prediction } from '../src/inference/inference.ts';
import { runDent } from './fixtures/cli/run-dent.ts';
import { crops } from './fixtures/serving/photos.ts';
import { type Running, startDent, writeRepository } from './fixtures/serving/processes.ts';

const ROWS = 8;
type Image = Uint8Array<ArrayBuffer>;

let folder: string;
let images: Image[];
let server: Running;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-auto-'));
  images = await crops(400);
  const photos = join(folder, 'photos');
  await mkdir(photos);
  for (const [i, image] of images.entries())
    if (i % 8 === 0) await writeFile(join(photos, `${i}.jpg`), image);
  const models = join(folder, 'models');
  await writeRepository(models, {
    // Smoothing is neither of the two presets, whatever the statistics.
    recipes: { auto: { preset: 'auto' }, smooth: { preset: 'auto', sigma: 0.5, sigmaLr: 0 } },
    defaultRecipe: 'auto',
    batching: { maxBatchSize: ROWS, maxDelayMs: 60_000 },
  });
  const options = ['--models', models, '--data', photos, '--batch-size', `${ROWS}`, '--threads', '1'];
  const calibrated = await runDent(['calibrate', 'cifar10-resnet14', ...options, '--write']);
  expect(calibrated).toMatchObject({ code: 0, stderr: '' });
  server = await startDent(['serve', '--models', models], { DENT_CACHE_DIR: join(folder, 'cache') });
});
afterAll(async () => {
  server.process.kill('SIGINT');
  await server.exit;
  await rm(folder, { recursive: true });
});

/** What was applied to the rows of a full batch of these images. */
async function applied(batch: readonly Image[], recipe = 'auto'): Promise<string[]> {
  const form = new FormData();
  for (const image of batch) form.append('image', new Blob([image]));
  const url = new URL(`/v1/predict?recipe=${recipe}&timeout_ms=3600000`, server.url);
  const reply = await fetch(url, { method: 'POST', body: form });
  const { results } = (await reply.json()) as { results: Prediction[] };
  expect(results.map(({ batch: { size } }) => size)).toEqual(Array(ROWS).fill(ROWS));
  return [...new Set(results.map(({ adaptation }) => adaptation.applied))];
}

/** Other parts of the photograph than those of the calibration. */
const others = (): Image[] => images.filter((_, i) => i % 50 === 3);

const dark = (image: Image): Promise<Image> =>
  sharp(image)
    .linear(0.4, 0)
    .jpeg()
    .toBuffer()
    .then((bytes) => new Uint8Array(bytes));

it('leaves a batch like the calibration as it is, and repairs one that is shifted', async () => {
  const shifted = await Promise.all(others().map(dark));
  expect(await applied(others())).toEqual(['static']);
  expect(await applied(shifted)).toEqual(['blend']);
  expect(await applied(others())).toEqual(['static']);
});

it('names the recipe where it does more than choose statistics', async () => {
  expect(await applied(others(), 'smooth')).toEqual(['smooth']);
});
