import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { scanRepository } from './repository-scan.ts';

const manifest = JSON.stringify({
  input: { width: 32, height: 32, channels: 'rgb', scale: 1 },
  labels: ['cat', 'dog'],
});

let folder: string;
let root: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-models-'));
  root = join(folder, 'models');
  await mkdir(root);
});
afterEach(() => rm(folder, { recursive: true }));

async function write(path: string, text = ''): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

it('finds models by name and versions by number, and passes over files and hidden folders', async () => {
  await write('b/model.json', manifest);
  await write('b/10/model.onnx');
  await write('b/9/model.onnx');
  await write('b/README.md');
  await write('b/.trash/x');
  await write('a/model.json', manifest);
  await write('a/1/model.onnx');
  await write('README.md');
  const found = await scanRepository(root);
  expect(found.map(({ name, versions }) => [name, versions.map(({ version }) => version)])).toEqual([
    ['a', [1]],
    ['b', [9, 10]],
  ]);
  expect(found[0]?.versions[0]?.modelPath).toBe(join(root, 'a/1/model.onnx'));
});

it('follows links that stay in the repository', async () => {
  await write('.store/model.json', manifest);
  await write('.store/1/model.onnx');
  await symlink('.store', join(root, 'a'));
  expect((await scanRepository(root)).map(({ name }) => name)).toEqual(['a']);
});

it('refuses links that lead out of the repository', async () => {
  await mkdir(join(folder, 'elsewhere'));
  await writeFile(join(folder, 'elsewhere', 'model.onnx'), '');
  await write('a/model.json', manifest);
  await mkdir(join(root, 'a', '1'));
  await symlink(join(folder, 'elsewhere', 'model.onnx'), join(root, 'a', '1', 'model.onnx'));
  await expect(scanRepository(root)).rejects.toThrow(
    `${join(root, 'a/1/model.onnx')}: this symbolic link leads out of the model repository.`,
  );
  await rm(join(root, 'a'), { recursive: true });
  await symlink(join(folder, 'elsewhere'), join(root, 'a'));
  await expect(scanRepository(root)).rejects.toThrow(`${join(root, 'a')}: this symbolic link leads out`);
});

it('says what is missing, and where', async () => {
  await expect(scanRepository(root)).rejects.toThrow(`${root}: this model repository holds no model.`);
  await expect(scanRepository(join(root, 'none'))).rejects.toThrow(
    `${join(root, 'none')}: the model repository is missing.`,
  );
  await mkdir(join(root, 'a'));
  await expect(scanRepository(root)).rejects.toThrow(
    `${join(root, 'a/model.json')}: the manifest is missing.`,
  );
  await write('a/model.json', manifest);
  await expect(scanRepository(root)).rejects.toThrow(`${join(root, 'a')}: there is no version`);
  await mkdir(join(root, 'a', '1'));
  await expect(scanRepository(root)).rejects.toThrow(
    `${join(root, 'a/1/model.onnx')}: the model is missing.`,
  );
});

it.each(['v1', '0', '01', '1.5'])('refuses the version %s', async (version) => {
  await write('a/model.json', manifest);
  await write(`a/${version}/model.onnx`);
  await expect(scanRepository(root)).rejects.toThrow(
    `${join(root, 'a', version)}: the name of a version is a positive whole number.`,
  );
});

it('refuses a model name that does not fit a URL', async () => {
  await write('a b/model.json', manifest);
  await expect(scanRepository(root)).rejects.toThrow(`${join(root, 'a b')}: a model's name has letters`);
});
