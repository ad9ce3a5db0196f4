import { Writable } from 'node:stream';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import type { Reading } from '../../dent/index.ts';
import { createMetrics } from '../../metrics/index.ts';
import { parseManifest } from '../../models/manifest.ts';
import type { DescribedVersion } from '../../models/model.ts';
import { observeModels } from './observe-models.ts';

const WARNING = 'The output "scores" is odd. Export it again.';
const CALIBRATED = '0123456789abcdef'.repeat(4);
const reading: Reading = {
  input: { name: 'image', layout: 'NHWC', type: 'float32', channels: 3, height: 6, width: 8 },
  output: { name: 'scores', classes: 5, takenAs: 'log-probabilities', leftOut: ['embedding'] },
  layers: [{ kind: 'batch', adapted: 2 }],
  leftAlone: [],
  warnings: [WARNING],
};

it('logs what a model was taken for, and warns of what is likely not meant', () => {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  const { log } = Fastify({ logger: { stream } });
  const text = JSON.stringify({
    input: { width: 8, height: 6, channels: 'rgb', scale: 1 },
    labels: ['a', 'b', 'c', 'd', 'e'],
    recipes: { auto: { preset: 'auto' }, still: { preset: 'auto' } },
    defaultRecipe: 'auto',
    calibrated: { auto: CALIBRATED, still: 'f'.repeat(64), gone: CALIBRATED },
  });
  const served: DescribedVersion = {
    ...{ name: 'pets', version: 2, sha256: 'f'.repeat(64), content: 'c' },
    ...{
      tensors: { input: 'image', output: 'scores' },
      manifest: parseManifest(text, 'model.json'),
      reading,
    },
  };
  const observer = observeModels(createMetrics('0'), log);
  observer.loading('pets', 2);
  observer.ready(served, 1.23);
  expect(lines).toMatchObject([
    { level: 30, msg: 'loading pets:2' },
    { level: 30, msg: 'pets:2 serves, after 1.2 s' },
    {
      level: 30,
      model: 'pets',
      version: 2,
      reading: { output: { name: 'scores', takenAs: 'log-probabilities' } },
      msg: 'pets:2 takes "image" as float32 NHWC images of 3 x 6 x 8 (channels, height, width); takes "scores" as log-probabilities of 5 classes, and leaves out embedding; adapts 2 batch normalisations',
    },
    { level: 40, model: 'pets', version: 2, msg: `pets:2: ${WARNING}` },
    {
      level: 40,
      msg: 'pets:2: the recipe "auto" was calibrated on another file (SHA-256 0123456789ab…, this one has ffffffffffff…), so it may choose wrongly; run dent calibrate pets --recipe auto --data DIR --write.',
    },
  ]);
  lines.length = 0;
  // Its file is open already, and only its manifest has changed.
  observer.ready({ ...served, manifest: parseManifest(text, 'model.json') }, 0.001);
  expect(lines[0]).toMatchObject({ level: 30, msg: 'pets:2 goes on, with its manifest as it is now' });
  expect(lines.some(({ reading }) => reading !== undefined)).toBe(false);
});
