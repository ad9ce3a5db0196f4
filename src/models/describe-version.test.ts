import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { twoHeads } from '../../test/fixtures/dent/models.ts';
import { InputError } from '../errors.ts';
import { contentHash, createDescriber } from './describe-version.ts';
import { listRepository } from './repository-scan.ts';

const ROOT = new URL('../../models', import.meta.url).pathname;
const findModel = async () => (await listRepository(ROOT)).folders[0]!.read();

it('describes a version by its manifest and its file', async () => {
  const found = await findModel();
  const { name, manifest } = found;
  const sha256 = createHash('sha256')
    .update(await readFile(found.versions[0]!.modelPath))
    .digest('hex');
  expect(await createDescriber()(found, found.versions[0]!)).toEqual({
    name,
    version: 1,
    sha256,
    tensors: { input: 'input', output: 'logits' },
    content: contentHash(name, 1, sha256, manifest),
    manifest,
  });
});

it('reads a file again when its stamp is another, and only then', async () => {
  const found = await findModel();
  const folder = await mkdtemp(join(tmpdir(), 'dent-describe-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const version = { version: 1, modelPath: join(folder, 'model.onnx'), stamp: 'a' };
  await copyFile(found.versions[0]!.modelPath, version.modelPath);
  const describe = createDescriber();
  const before = await describe(found, version);
  await rm(version.modelPath);
  expect(await describe(found, version)).toEqual(before);
  await expect(describe(found, { ...version, stamp: 'b' })).rejects.toThrow(InputError);
});

it('names a file that cannot be read', async () => {
  const version = { version: 1, modelPath: '/none', stamp: '' };
  await expect(createDescriber()(await findModel(), version)).rejects.toThrow(
    new InputError('/none: the model cannot be read, it does not exist.'),
  );
});

it('names a file that holds no image classifier', async () => {
  const modelPath = new URL('../../package.json', import.meta.url).pathname;
  await expect(createDescriber()(await findModel(), { version: 1, modelPath, stamp: '' })).rejects.toThrow(
    `${modelPath}: This is not an ONNX model: its bytes do not parse. Give a file that an exporter has written (docs/exporting.md), all of it.`,
  );
});

it('tells contents apart by whatever changes an answer, and by nothing else', async () => {
  const { name, manifest } = await findModel();
  const content = contentHash(name, 1, 'hash', manifest);
  const unimportant = { ...manifest, description: 'other', shareBatches: true };
  expect(contentHash(name, 1, 'hash', unimportant)).toBe(content);
  const others = [
    contentHash('other', 1, 'hash', manifest),
    contentHash(name, 2, 'hash', manifest),
    contentHash(name, 1, 'other', manifest),
    contentHash(name, 1, 'hash', { ...manifest, input: { ...manifest.input, scale: 1 } }),
    contentHash(name, 1, 'hash', { ...manifest, recipes: { static: manifest.recipes.static! } }),
  ];
  expect(new Set([content, ...others]).size).toBe(6);
  expect(content).toMatch(/^[0-9a-f]{64}$/);
});

it('names the output that the manifest names, and reads the file again where it names another', async () => {
  const found = await findModel();
  const folder = await mkdtemp(join(tmpdir(), 'dent-describe-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const version = { version: 1, modelPath: join(folder, 'model.onnx'), stamp: 'a' };
  await writeFile(version.modelPath, twoHeads());
  const describe = createDescriber();
  const of = (manifest: object) =>
    describe({ ...found, manifest: { ...found.manifest, ...manifest } }, version);
  const [named, counted] = [
    await of({ output: 'logits' }),
    await of({ labels: ['a', 'b', 'c', 'd', 'e', 'f'] }),
  ];
  expect([named.tensors.output, counted.tensors.output]).toEqual(['logits', 'embedding']);
  expect(named.content).not.toBe((await of({ output: 'embedding' })).content);
  await expect(of({})).rejects.toThrow('"embedding" [batch, 6], "logits" [batch, 5]');
});
