import { execFileSync } from 'node:child_process';
import { cp, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  changingRepository,
  reasonOf,
  servingOf,
  statesOf,
} from '../../test/fixtures/models/changing-repository.ts';

const place = await changingRepository();
const { bundled, heard, open, writeManifest, writeModel, writeVersion } = place;

it('goes on with a model into whose folder strangers have put folders, and tells of each once', async () => {
  await writeModel('a');
  const repository = await open();
  const strays = ['backup', '@eaDir', 'configs', 'lost+found', '01'];
  for (const stray of strays) await mkdir(join(place.root, 'a', stray));
  await mkdir(join(place.root, '#recycle'));
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
  const pipes = [join(place.root, 'a', 'model.json'), join(place.root, 'b', '1', 'model.onnx')];
  for (const pipe of pipes) {
    await rm(pipe);
    execFileSync('mkfifo', [pipe]);
  }
  const repository = await open();
  expect(statesOf(repository, 'c')).toEqual(['1 ready']);
  expect(repository.model('a')?.reason).toBe(
    `a/model.json: the manifest cannot be read, it is no regular file.`,
  );
  expect(reasonOf(repository, 'b', 1)).toBe(
    'b/1/model.onnx: the model cannot be read, it is no regular file.',
  );
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
  if (bytes === undefined) await mkdir(join(place.root, 'a', '2'));
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
  await rm(join(place.root, 'a', 'model.json'));
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

it.each([
  ['is empty', () => mkdir(place.root)],
  ['is gone', async () => {}],
])('takes nothing out of service where the repository %s, as that of a lost volume', async (_, prepare) => {
  await writeModel('a');
  const repository = await open();
  await rename(place.root, `${place.root}-elsewhere`);
  await prepare();
  await expect(repository.reload()).rejects.toThrow(`${place.root}: `);
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
  await rm(place.root, { recursive: true, force: true });
  await rename(`${place.root}-elsewhere`, place.root);
  await repository.reload();
  expect(statesOf(repository, 'a')).toEqual(['1 ready']);
});

it('refuses links that lead out of the repository, at any time', async () => {
  await writeModel('a');
  const repository = await open();
  await cp(join(place.root, 'a'), join(place.folder, 'outside'), { recursive: true });
  await symlink(join(place.folder, 'outside'), join(place.root, 'b'));
  await symlink(join(place.folder, 'outside', '1'), join(place.root, 'a', '2'));
  await repository.reload();
  expect(repository.model('b')!.reason).toBe(
    `b: this symbolic link leads out of the model repository; put the file itself there.`,
  );
  expect(statesOf(repository, 'a')).toEqual(['1 ready', '2 failed']);
  await expect(repository.loadModel('b')).rejects.toThrow('leads out of the model repository');
});
