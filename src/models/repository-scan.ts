import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { InputError } from '../errors.ts';
import { parseManifest, SAFE_NAME } from './manifest.ts';
import type { Manifest } from './model.ts';

export interface FoundModel {
  readonly name: string;
  readonly manifest: Manifest;
  /** Path of the manifest, for errors. */
  readonly manifestPath: string;
  /** Ascending. */
  readonly versions: readonly { readonly version: number; readonly modelPath: string }[];
}

const POSITIVE_INTEGER = /^[1-9][0-9]{0,8}$/;

function missing(path: string, what: string, cause: unknown): InputError {
  const { code } = cause as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'is missing' : `cannot be read (${code})`;
  return new InputError(`${path}: ${what} ${reason}.`, { cause });
}

/** Refuses what a symbolic link leads to outside of the repository. */
async function checkInside(root: string, path: string, what: string): Promise<void> {
  const real = await realpath(path).catch((cause: unknown) => {
    throw missing(path, what, cause);
  });
  if (real.startsWith(root + sep)) return;
  throw new InputError(`${path}: this symbolic link leads out of the model repository.`);
}

/** Names of the folders in `path`, without hidden ones; links count by what they lead to. */
async function folders(root: string, path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.') || !(entry.isDirectory() || entry.isSymbolicLink())) continue;
    await checkInside(root, join(path, entry.name), 'this link');
    if ((await stat(join(path, entry.name))).isDirectory()) names.push(entry.name);
  }
  return names;
}

async function readModel(root: string, path: string, name: string): Promise<FoundModel> {
  if (!SAFE_NAME.test(name)) {
    throw new InputError(`${path}: a model's name has letters, digits and . _ + - only, at most 64 of them.`);
  }
  const manifestPath = join(path, 'model.json');
  await checkInside(root, manifestPath, 'the manifest');
  const manifest = parseManifest(await readFile(manifestPath, 'utf8'), manifestPath);
  const versions: { version: number; modelPath: string }[] = [];
  for (const folder of await folders(root, path)) {
    if (!POSITIVE_INTEGER.test(folder)) {
      throw new InputError(`${join(path, folder)}: the name of a version is a positive whole number.`);
    }
    const modelPath = join(path, folder, 'model.onnx');
    await checkInside(root, modelPath, 'the model');
    versions.push({ version: Number(folder), modelPath });
  }
  if (versions.length === 0)
    throw new InputError(`${path}: there is no version, such as ${join(path, '1/model.onnx')}.`);
  return { name, manifest, manifestPath, versions: versions.sort((a, b) => a.version - b.version) };
}

/**
 * The models in the repository `root`, in the order of their names, manifests checked, model files not yet read.
 * Rejects with `InputError` naming the path, and the field where a manifest is at fault.
 */
export async function scanRepository(root: string): Promise<readonly FoundModel[]> {
  const realRoot = await realpath(root).catch((cause: unknown) => {
    throw missing(root, 'the model repository', cause);
  });
  const names = await folders(realRoot, root).catch((cause: unknown) => {
    throw cause instanceof InputError ? cause : missing(root, 'the model repository', cause);
  });
  if (names.length === 0) throw new InputError(`${root}: this model repository holds no model.`);
  const found: FoundModel[] = [];
  for (const name of names.sort()) found.push(await readModel(realRoot, join(root, name), name));
  return found;
}
