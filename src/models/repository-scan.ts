import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { InputError } from '../errors.ts';
import { parseManifest, SAFE_NAME } from './manifest.ts';
import type { Manifest } from './model.ts';

export interface FoundVersion {
  readonly version: number;
  readonly modelPath: string;
  /** Differs whenever the model file may have changed, or any other that may hold its weights. */
  readonly stamp: string;
  /** Why there is no model file that may be read. */
  readonly fault?: InputError;
}

export interface FoundModel {
  readonly name: string;
  readonly manifest: Manifest;
  /** Path of the manifest, for errors. */
  readonly manifestPath: string;
  /** Ascending, at least one. */
  readonly versions: readonly FoundVersion[];
}

/** A folder of the repository, which should be a model; nothing in it has been read yet. */
export interface ModelFolder {
  readonly name: string;
  /** Differs whenever anything may have changed that decides what is served of the folder. */
  readonly stamp: string;
  /** The manifest and the versions. Rejects with `InputError` naming the path, and the field where the manifest is at fault. */
  read(): Promise<FoundModel>;
}

const POSITIVE_INTEGER = /^[1-9][0-9]{0,8}$/;

function missing(path: string, what: string, cause: unknown): InputError {
  const { code } = cause as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'is missing' : `cannot be read (${code})`;
  return new InputError(`${path}: ${what} ${reason}.`, { cause });
}

/** Refuses what a symbolic link leads to outside of the repository, and where `what` says what it is, that it is missing. */
async function checkInside(root: string, path: string, what?: string): Promise<void> {
  const real = await realpath(path).catch((cause: unknown) => {
    if (what !== undefined) throw missing(path, what, cause);
  });
  if (real === undefined || real.startsWith(root + sep)) return;
  throw new InputError(`${path}: this symbolic link leads out of the model repository.`);
}

/** Names of what may be folders in `path`, without hidden ones, in order. */
async function candidates(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
    .map((entry) => entry.name)
    .sort();
}

/** False for what is surely none. A link that leads nowhere may be a folder again, and is told of when it is read. */
const mayBeFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => true,
  );

/**
 * The inode tells a file that was renamed into place, the time of the change one whose contents kept size and date, or whose
 * permissions were mended.
 */
const stampOf = (path: string): Promise<string> =>
  stat(path).then(
    ({ ino, size, mtimeMs, ctimeMs }) => [ino, size, mtimeMs, ctimeMs].join(' '),
    (error: NodeJS.ErrnoException) => `${error.code}`,
  );

/** Everything in a version's folder: weights may be in files beside the model. */
const versionFiles = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true }).catch(() => [])).sort();

async function stampOfVersion(folder: string): Promise<string> {
  const files = await versionFiles(folder);
  return JSON.stringify(
    await Promise.all(files.map(async (file) => [file, await stampOf(join(folder, file))])),
  );
}

async function readManifest(root: string, manifestPath: string): Promise<Manifest> {
  await checkInside(root, manifestPath, 'the manifest');
  const text = await readFile(manifestPath, 'utf8').catch((cause: unknown) => {
    throw missing(manifestPath, 'the manifest', cause);
  });
  return parseManifest(text, manifestPath);
}

async function findVersion(root: string, folder: string, stamp: string): Promise<FoundVersion> {
  const name = folder.slice(folder.lastIndexOf(sep) + 1);
  if (!POSITIVE_INTEGER.test(name)) {
    throw new InputError(`${folder}: the name of a version is a positive whole number.`);
  }
  const modelPath = join(folder, 'model.onnx');
  const found = { version: Number(name), modelPath, stamp };
  try {
    await checkInside(root, modelPath, 'the model');
    for (const file of await versionFiles(folder)) await checkInside(root, join(folder, file));
    return found;
  } catch (fault) {
    return { ...found, fault: fault as InputError };
  }
}

async function lookInto(root: string, path: string, name: string): Promise<ModelFolder> {
  const manifestPath = join(path, 'model.json');
  let unreadable: InputError | undefined;
  const names = await candidates(path).catch((cause: unknown): string[] => {
    unreadable = missing(path, 'the folder', cause);
    return [];
  });
  const stamps = await Promise.all(names.map((each) => stampOfVersion(join(path, each))));
  return {
    name,
    stamp: JSON.stringify([await stampOf(manifestPath), names, stamps]),
    async read() {
      await checkInside(root, path, 'this link');
      if (unreadable) throw unreadable;
      if (!SAFE_NAME.test(name)) {
        throw new InputError(
          `${path}: a model's name has letters, digits and . _ + - only, at most 64 of them.`,
        );
      }
      const manifest = await readManifest(root, manifestPath);
      const versions: FoundVersion[] = [];
      for (const [i, each] of names.entries()) {
        if (!(await mayBeFolder(join(path, each)))) continue;
        versions.push(await findVersion(root, join(path, each), stamps[i]!));
      }
      if (versions.length === 0) {
        throw new InputError(`${path}: there is no version, such as ${join(path, '1/model.onnx')}.`);
      }
      return { name, manifest, manifestPath, versions: versions.sort((a, b) => a.version - b.version) };
    },
  };
}

/**
 * The folders of the repository `root` in the order of their names. Rejects with `InputError` where `root` cannot be read or
 * holds none: both are what a volume looks like that is not there.
 */
export async function listRepository(root: string): Promise<readonly ModelFolder[]> {
  try {
    const realRoot = await realpath(root);
    const folders: ModelFolder[] = [];
    for (const name of await candidates(root)) {
      const path = join(root, name);
      if (await mayBeFolder(path)) folders.push(await lookInto(realRoot, path, name));
    }
    if (folders.length === 0) throw new InputError(`${root}: this model repository holds no model.`);
    return folders;
  } catch (cause) {
    throw cause instanceof InputError ? cause : missing(root, 'the model repository', cause);
  }
}
