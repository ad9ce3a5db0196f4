import { expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { parseManifest } from './manifest.ts';
import { type KnownVersion, planReload } from './reload-plan.ts';
import type { FoundModel, FoundVersion } from './repository-scan.ts';

const manifestOf = (changes: object = {}) =>
  parseManifest(
    JSON.stringify({
      input: { width: 8, height: 8, channels: 'rgb', scale: 1 },
      labels: ['cat', 'dog'],
      ...changes,
    }),
    'model.json',
  );
const manifest = manifestOf();

const version = (number: number, stamp = 'a', changes: Partial<FoundVersion> = {}): FoundVersion => ({
  version: number,
  modelPath: `${number}/model.onnx`,
  stamp,
  ...changes,
});
const found = (versions: FoundVersion[], of = manifest): FoundModel => ({
  name: 'm',
  manifest: of,
  manifestPath: 'model.json',
  versions,
  passedOver: [],
});
const known = (number: number, stamp = 'a'): KnownVersion => ({
  version: number,
  tried: { stamp, manifest },
});
const plan = (before: KnownVersion[], after: FoundModel): string[] =>
  planReload(before, after).map((step) =>
    step.kind === 'remove' ? `remove ${step.version}` : `${step.kind} ${step.version.version}`,
  );

it('does nothing where nothing has changed, however the manifest is read', () => {
  expect(plan([known(1), known(2)], found([version(1), version(2)]))).toEqual([]);
  expect(plan([known(1)], found([version(1)], manifestOf()))).toEqual([]);
});

it('loads what is new and what has changed', () => {
  expect(plan([], found([version(1), version(2)]))).toEqual(['load 1', 'load 2']);
  expect(plan([known(1), known(2)], found([version(1), version(2, 'b'), version(3)]))).toEqual([
    'load 2',
    'load 3',
  ]);
});

it('loads every version where the manifest has changed', () => {
  const changed = manifestOf({ batching: { maxDelayMs: 5 } });
  expect(plan([known(1), known(2)], found([version(1), version(2)], changed))).toEqual(['load 1', 'load 2']);
});

it('tries what was not tried, or is to be tried again', () => {
  expect(plan([{ version: 1 }, known(2)], found([version(1), version(2)]))).toEqual(['load 1']);
});

it('removes what is gone, after what takes its place is there', () => {
  expect(plan([known(1)], found([version(2)]))).toEqual(['load 2', 'remove 1']);
  expect(plan([{ version: 1 }, known(2)], found([version(2)]))).toEqual(['remove 1']);
});

it('tells of a version without a model file once', () => {
  const fault = new InputError('The model is missing.');
  expect(plan([known(1)], found([version(1, 'ENOENT', { fault })]))).toEqual(['fail 1']);
  expect(plan([known(1, 'ENOENT')], found([version(1, 'ENOENT', { fault })]))).toEqual([]);
});
