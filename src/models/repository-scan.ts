import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { readText } from '../regular-file.ts';
import { parseManifest, SAFE_NAME } from './manifest.ts';
import type { Manifest } from './model.ts';
import { checkInside, missing, type RepositoryRoot } from './repository-root.ts';

export interface FoundVersion {
  readonly version: number;
  readonly modelPath: string;
  /** Differs whenever the model file may have changed, or another file that may hold its weights. */
  readonly stamp: string;
  /** Why there is no model file, or none that may be read. */
  readonly fault?: InputError;
}

export interface FoundModel {
  readonly name: string;
  readonly manifest: Manifest;
  /** Path of the manifest, for errors. */
  readonly manifestPath: string;
  /** Ascending, at least one. */
  readonly versions: readonly FoundVersion[];
  readonly passedOver: readonly PassedOver[];
}

/** A folder that is not part of the repository, such as a backup, or a folder of the storage system. */
export interface PassedOver {
  readonly path: string;
  /** Why, in one sentence. */
  readonly reason: string;
}

/** A folder of the repository that should be a model. Nothing in it has been read yet. */
export interface ModelFolder {
  readonly name: string;
  readonly path: string;
  /** Differs whenever anything may have changed that decides what the folder serves. */
  readonly stamp: string;
  /**
   * The manifest and the versions. Rejects with one `InputError` for every fault, each naming the path, and
   * the field of a manifest.
   */
  read(): Promise<FoundModel>;
  /** The versions in the folder, even without a valid manifest. Never rejects. */
  versions(): Promise<readonly FoundVersion[]>;
}

export interface RepositoryListing {
  /** At least one, in the order of their names. */
  readonly folders: readonly ModelFolder[];
  readonly passedOver: readonly PassedOver[];
}

const POSITIVE_INTEGER = /^[1-9][0-9]{0,8}$/;

/** Names of what may be folders in `path`, without hidden ones, in order. */
async function candidates(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
    .map((entry) => entry.name)
    .sort();
}

/**
 * False for what is surely no folder. A link that leads nowhere may become a folder again; reading it reports
 * the fault.
 */
const mayBeFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => true,
  );

/**
 * The inode reveals a file that was renamed into place. The time of change reveals changed contents of the
 * same size and date, and repaired permissions.
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

async function readManifest(root: RepositoryRoot, manifestPath: string): Promise<Manifest> {
  await checkInside(root, manifestPath, 'the manifest');
  const text = await readText(manifestPath).catch((cause: unknown) => {
    throw missing(manifestPath, 'the manifest', cause);
  });
  return parseManifest(text, manifestPath);
}

async function findVersion(root: RepositoryRoot, folder: string, stamp: string): Promise<FoundVersion> {
  const modelPath = join(folder, 'model.onnx');
  const found = { version: Number(basename(folder)), modelPath, stamp };
  try {
    await checkInside(root, modelPath, 'the model');
    for (const file of await versionFiles(folder)) await checkInside(root, join(folder, file));
    return found;
  } catch (fault) {
    return { ...found, fault: await withNearMiss(fault as InputError, folder) };
  }
}

/** The fault, with the name of the .onnx file that the folder holds instead, if there is one. */
async function withNearMiss(fault: InputError, folder: string): Promise<InputError> {
  const files = await versionFiles(folder);
  const [other] = files.filter((file) => file.endsWith('.onnx'));
  if (other === undefined || files.includes('model.onnx')) return fault;
  return new InputError(
    fault.faults.map(
      (each) => `${each.replace(/(?:; [^;]*)?\.$/, '')}; there is ${other}, which must be called model.onnx.`,
    ),
  );
}

async function findVersions(
  root: RepositoryRoot,
  path: string,
  names: readonly string[],
  stamps: readonly string[],
): Promise<FoundVersion[]> {
  const versions: FoundVersion[] = [];
  for (const [i, name] of names.entries()) {
    const folder = join(path, name);
    if (await mayBeFolder(folder)) versions.push(await findVersion(root, folder, stamps[i]!));
  }
  return versions.sort((a, b) => a.version - b.version);
}

/** A link to a file is no folder, and not worth a report. */
async function findPassedOver(path: string, names: readonly string[], reason: string): Promise<PassedOver[]> {
  const found: PassedOver[] = [];
  for (const name of names) {
    if (await mayBeFolder(join(path, name))) found.push({ path: join(path, name), reason });
  }
  return found;
}

const NO_VERSION = 'this folder is passed over, as the name of a version is a positive whole number.';
const NO_MODEL = 'this folder is passed over, as it has no model.json and its name is none of a model.';

/** The results of all `works`. Rejects with the faults of all of them. */
async function allOf<T extends readonly Promise<unknown>[]>(
  works: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(works);
  const reasons = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  const bug = reasons.find((reason) => !(reason instanceof InputError));
  if (bug !== undefined) throw bug;
  if (reasons.length > 0) throw new InputError((reasons as InputError[]).flatMap(({ faults }) => faults));
  return Promise.all(works);
}

async function checkName(path: string, name: string): Promise<void> {
  if (SAFE_NAME.test(name)) return;
  throw new InputError(`${path}: a model's name has letters, digits and . _ + - only, at most 64 of them.`);
}

async function atLeastOne(path: string, versions: FoundVersion[], strays: readonly PassedOver[]) {
  if (versions.length > 0) return versions;
  const names = strays.map((stray) => basename(stray.path));
  const instead =
    names.length === 0 ? '' : `; the name of a version is a whole number, unlike ${names.join(', ')}`;
  throw new InputError(`${path}: there is no version, such as ${join(path, '1/model.onnx')}${instead}.`);
}

async function lookInto(root: RepositoryRoot, path: string, name: string): Promise<ModelFolder> {
  const manifestPath = join(path, 'model.json');
  let unreadable: InputError | undefined;
  const all = await candidates(path).catch((cause: unknown): string[] => {
    unreadable = missing(path, 'the folder', cause);
    return [];
  });
  const names = all.filter((each) => POSITIVE_INTEGER.test(each));
  const strays = all.filter((each) => !POSITIVE_INTEGER.test(each));
  const stamps = await Promise.all(names.map((each) => stampOfVersion(join(path, each))));
  const versions = () => findVersions(root, path, names, stamps);
  return {
    name,
    path,
    stamp: JSON.stringify([await stampOf(manifestPath), all, stamps]),
    versions,
    async read() {
      await checkInside(root, path, 'this link');
      if (unreadable) throw unreadable;
      const passedOver = await findPassedOver(path, strays, NO_VERSION);
      const [, manifest, found] = await allOf([
        checkName(path, name),
        readManifest(root, manifestPath),
        versions().then((each) => atLeastOne(path, each, passedOver)),
      ]);
      return { name, manifest, manifestPath, versions: found, passedOver };
    },
  };
}

const hasManifest = (path: string): Promise<boolean> =>
  stat(join(path, 'model.json')).then(
    () => true,
    () => false,
  );

/** Every ext4 volume has such a folder, and a model could have that name. */
const LOST_AND_FOUND = 'lost+found';

/** Whether a folder was never meant as a model, such as `lost+found`, `@eaDir` or `$RECYCLE.BIN`. */
const isStray = async (path: string, name: string): Promise<boolean> =>
  (!SAFE_NAME.test(name) || name === LOST_AND_FOUND) && !(await hasManifest(path));

/** If a model's own folder is given as the repository, its versions look like models. Says so. */
async function checkLevel(root: string, folders: readonly ModelFolder[]): Promise<void> {
  if (!(await hasManifest(root))) return;
  for (const { path } of folders) if (await hasManifest(path)) return;
  throw new InputError(
    `${root}: this is the folder of a model; the model repository is the folder around it.`,
  );
}

/**
 * The folders of the repository `root`. Rejects with `InputError` where `root` cannot be read or holds no
 * model: a missing volume looks like either.
 */
export async function listRepository(root: string): Promise<RepositoryListing> {
  try {
    await stat(root);
    const real = await realpath(root).catch(() => root);
    const folders: ModelFolder[] = [];
    const strays: string[] = [];
    for (const name of await candidates(root)) {
      const path = join(root, name);
      if (await isStray(path, name)) strays.push(name);
      else if (await mayBeFolder(path))
        folders.push(await lookInto({ top: resolve(root), real }, path, name));
    }
    await checkLevel(root, folders);
    if (folders.length === 0)
      throw new InputError(`${root}: this model repository holds no model; \`dent init\` adds one.`);
    return { folders, passedOver: await findPassedOver(root, strays, NO_MODEL) };
  } catch (cause) {
    throw cause instanceof InputError ? cause : missing(root, 'the model repository', cause);
  }
}
