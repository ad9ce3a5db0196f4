import { expect, it } from 'vitest';
import type { ModelEntry, VersionEntry } from '../models/index.ts';
import { parseManifest } from '../models/manifest.ts';
import type { DescribedVersion } from '../models/model.ts';
import { modelReasons, summarize } from './summary.ts';

type Version = VersionEntry<DescribedVersion>;

const manifest = parseManifest(
  JSON.stringify({ input: { width: 8, height: 8, channels: 'rgb', scale: 1 }, labels: ['cat', 'dog'] }),
  'model.json',
);
const ready = (version = 1): Version => ({
  version,
  state: 'ready',
  serving: {
    name: 'a',
    version,
    sha256: 'ab',
    tensors: { input: 'input', output: 'logits' },
    content: `${version}`,
    manifest,
  },
});
const loading: Version = { version: 2, state: 'loading' };
const failed: Version = { version: 3, state: 'failed', reason: 'It is broken.' };
const unloaded: Version = { version: 1, state: 'unloaded' };

const model = (name: string, ...versions: Version[]): ModelEntry<DescribedVersion> => ({
  name,
  isUnloaded: versions.some(({ state }) => state === 'unloaded'),
  versions,
});
const reasons = (isLoaded: boolean, ...models: ModelEntry<DescribedVersion>[]): string[] =>
  modelReasons({ models: () => models, isLoaded: () => isLoaded });

it('waits at the start until every version has been tried', () => {
  expect(reasons(false, model('a', ready(), loading), model('b', failed))).toEqual([
    'Version 2 of the model "a" is loading.',
  ]);
});

it.each([
  ['beside a model that failed', [model('a', ready()), model('b', failed)]],
  ['while a new version or model loads', [model('a', ready(), loading), model('b', loading)]],
  ['beside a folder that is no model', [model('a', ready()), model('b')]],
  ['where the others were unloaded', [model('a', ready()), model('b', unloaded)]],
  ['where all were unloaded', [model('a', unloaded)]],
])('is ready %s', (_, models) => {
  expect(reasons(true, ...models)).toEqual([]);
});

it('is not ready while nothing serves that was asked for', () => {
  expect(reasons(true, model('a', failed), model('b', loading), model('c', unloaded), model('d'))).toEqual([
    'No version of the model "a" could be loaded.',
    'Version 2 of the model "b" is loading.',
    'No version of the model "d" could be loaded.',
  ]);
});

it('describes a model by the version that serves, and one without a manifest by what is wrong with it', () => {
  expect(summarize(model('a', ready(), failed))).toMatchObject({
    defaultVersion: 1,
    labels: ['cat', 'dog'],
    versions: [
      { version: 1, state: 'ready', sha256: 'ab' },
      { version: 3, state: 'failed', reason: 'It is broken.' },
    ],
  });
  expect(summarize({ ...model('b'), reason: 'The manifest is missing.' })).toEqual({
    name: 'b',
    reason: 'The manifest is missing.',
    versions: [],
  });
});
