import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { contentHash, describeVersion } from './describe-version.ts';
import { readyVersions } from './index.ts';
import { openModelDescriptions } from './repository.ts';
import { scanRepository } from './repository-scan.ts';

const ROOT = new URL('../../models', import.meta.url).pathname;
const observer = { ready: () => {}, failed: () => {} };

it('describes what is served without an engine', async () => {
  const repository = await openModelDescriptions({ observer }, { root: ROOT });
  expect(readyVersions(repository)).toEqual([]);
  await repository.load();
  const [found] = await scanRepository(ROOT);
  const bytes = await readFile(found!.versions[0]!.modelPath);
  expect(readyVersions(repository)).toEqual([
    {
      name: found!.name,
      version: 1,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      tensors: { input: 'input', output: 'logits' },
      manifest: found!.manifest,
    },
  ]);
  await repository.close();
});

it('names a file that cannot be read', async () => {
  const [found] = await scanRepository(ROOT);
  await expect(describeVersion(found!, { version: 1, modelPath: '/none' })).rejects.toThrow(InputError);
});

it('names a file that holds no image classifier', async () => {
  const [found] = await scanRepository(ROOT);
  const modelPath = new URL('../../package.json', import.meta.url).pathname;
  await expect(describeVersion(found!, { version: 1, modelPath })).rejects.toThrow(
    `${modelPath}: This is not an ONNX model: its bytes do not parse.`,
  );
});

it('tells contents apart by whatever changes an answer, and by nothing else', async () => {
  const [found] = await scanRepository(ROOT);
  const version = await describeVersion(found!, found!.versions[0]!);
  const { manifest } = version;
  const same = { ...version, manifest: { ...manifest, description: 'other', shareBatches: true } };
  expect(contentHash(same)).toBe(contentHash(version));
  const others = [
    { ...version, version: 2 },
    { ...version, sha256: 'other' },
    { ...version, manifest: { ...manifest, input: { ...manifest.input, scale: 1 } } },
    { ...version, manifest: { ...manifest, recipes: { static: manifest.recipes.static! } } },
  ];
  expect(new Set([version, ...others].map(contentHash)).size).toBe(5);
  expect(contentHash(version)).toMatch(/^[0-9a-f]{64}$/);
});
