import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import {
  changingRepository,
  LABELS,
  reasonOf,
  servingOf,
  statesOf,
  unknownField,
} from '../../test/fixtures/models/changing-repository.ts';
import { float32 } from '../tensor.ts';
import type { ServingVersion } from './load-version.ts';

const place = await changingRepository();
const { bundled, heard, open, waiting, writeManifest, writeModel, writeVersion } = place;
const row = float32([1, 3, 32, 32], new Float32Array(3072));

/** What a version answers for a black image under its default recipe. */
async function topClassOf({ manifest, run }: ServingVersion): Promise<number> {
  const { logits } = await run(manifest.recipes[manifest.defaultRecipe]!, row);
  return logits.data.indexOf(Math.max(...logits.data));
}

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
  const before = await topClassOf(servingOf(repository, 'a'));
  heard.length = 0;
  await writeManifest('a', { batching: { maxBatchSize: 3 }, description: 'New.' });
  await repository.reload();
  expect(heard).toEqual(['ready a:1']);
  expect(servingOf(repository, 'a')).toMatchObject({ content, manifest: { batching: { maxBatchSize: 3 } } });
  expect(repository.describe(content)!.manifest.description).toBe('New.');
  // Its recipes are others now, equal to those before.
  expect(await topClassOf(servingOf(repository, 'a'))).toBe(before);
});

it('runs on where a file is written again as it was', async () => {
  await writeModel('a');
  const repository = await open();
  const before = await topClassOf(servingOf(repository, 'a'));
  heard.length = 0;
  await writeModel('a');
  await repository.reload();
  expect(heard).toEqual(['ready a:1']);
  expect(await topClassOf(servingOf(repository, 'a'))).toBe(before);
});

it('serves models that are added, and those no more that are removed', async () => {
  await writeModel('b');
  const repository = await open();
  await writeModel('a');
  await mkdir(join(place.root, 'half'));
  await repository.reload();
  expect(repository.models().map(({ name }) => name)).toEqual(['a', 'b', 'half']);
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
  expect(repository.model('half')).toMatchObject({
    reason: expect.stringMatching(/^half\/model\.json: the manifest is missing; /),
    versions: [],
  });
  // Requests that name no model get the same model as before.
  expect(repository.defaultModel).toBe('b');
  await rm(join(place.root, 'a'), { recursive: true });
  await rm(join(place.root, 'half'), { recursive: true });
  await repository.reload();
  expect(repository.models().map(({ name }) => name)).toEqual(['b']);
  await vi.waitFor(() => expect(heard).toContain('released a:1'));
  expect(heard).toContain('removed a:1');
});

it('serves a version no more that is removed, unless no other can', async () => {
  await writeModel('a', [1, 2]);
  const repository = await open();
  await rm(join(place.root, 'a', '2'), { recursive: true });
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
  await rename(join(place.root, 'a', '1'), join(place.root, 'a', '3'));
  await writeVersion('a', 3, 'no model');
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready', '3 failed']);
  expect(reasonOf(repository, 'a', 1)).toBe('Its folder is gone; it serves until another version can.');
  await writeVersion('a', 3);
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['3 ready']);
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
    await expect(open()).rejects.toThrow(`${join(place.root, 'a/model.json')}: this is not valid JSON`);
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
  await mkdir(join(place.root, 'a', '2'));
  const path = join(place.root, 'a', '2', 'model.onnx');
  for (let part = 0; part < 10; part += 1) {
    const size = Math.ceil(bundled.length / 10);
    await writeFile(path, bundled.subarray(part * size, (part + 1) * size), { flag: 'a' });
    await pause(100);
  }
  await vi.waitFor(() => expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 ready']), 10_000);
  await rm(join(place.root, 'a', '1'), { recursive: true });
  await vi.waitFor(() => expect(statesOf(repository, 'a')).toEqual(['2 ready']), 10_000);
});
