import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { checkWritable, writeWhole } from './write-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'write-'));
});
afterEach(() => rm(folder, { recursive: true }));

const bytes = Buffer.from('the new content');

it('makes a file, replaces one, and leaves nothing beside it', async () => {
  const path = join(folder, 'file');
  await writeWhole(path, Buffer.from('something longer than the new content'));
  await writeWhole(path, bytes);
  expect(await readFile(path)).toEqual(bytes);
  expect(await readdir(folder)).toEqual(['file']);
});

it('writes through a symbolic link', async () => {
  const [path, link] = [join(folder, 'file'), join(folder, 'link')];
  await writeFile(path, 'old');
  await symlink(path, link);
  await writeWhole(link, bytes);
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(path)).toEqual(bytes);
});

it('never puts a file in the place of a device', async () => {
  await expect(writeWhole('/dev/full', bytes)).rejects.toThrow(
    new InputError('/dev/full: it cannot be written, the disk is full.'),
  );
  expect((await stat('/dev/full')).isCharacterDevice()).toBe(true);
});

it.each([
  ['a folder', '.', 'it is a folder'],
  ['a file in a folder that is missing', 'none/file', 'its folder does not exist'],
  ['a file below a file', 'file/file', 'a part of its path is no folder'],
])('refuses %s, before the work and after', async (_, name, reason) => {
  await writeFile(join(folder, 'file'), '');
  const path = join(folder, name);
  const refusal = new InputError(`${path}: it cannot be written, ${reason}.`);
  await expect(checkWritable(path)).rejects.toThrow(refusal);
  await expect(writeWhole(path, bytes)).rejects.toThrow(refusal);
  expect(await readdir(folder)).toEqual(['file']);
});

it('finds no fault with what can be written, and writes nothing yet', async () => {
  await checkWritable(join(folder, 'file'));
  await checkWritable('/dev/null');
  expect(await readdir(folder)).toEqual([]);
});
