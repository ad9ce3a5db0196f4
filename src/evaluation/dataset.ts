import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, ServiceError, systemReason } from '../errors.ts';
import { hasImageName, type ImageDecoder } from '../images/index.ts';
import { rowShape } from '../models/index.ts';
import type { InputSpec } from '../models/model.ts';
import { readRegularFile } from '../regular-file.ts';
import { elementCount, float32 } from '../tensor.ts';
import { createRandom } from './random.ts';
import type { Batch } from './target.ts';

/** An image file and the class that its folder says. */
export interface LabelledFile {
  readonly path: string;
  readonly label: number;
}

export interface LabelledFolder {
  /** In the order of classes, then of names. */
  readonly files: readonly LabelledFile[];
  /** What each class is called: by its label, or where there are none by its folder. */
  readonly names: readonly string[];
  /** One line each on what was found and not used. */
  readonly notes: readonly string[];
}

/** What the folders of classes are called. */
export interface ClassNames {
  /** In the order of the model's outputs; undefined where folders in alphabetical order are the classes. */
  readonly labels: readonly string[] | undefined;
  /** How many classes the model has. */
  readonly classes: number;
}

/** Also with zeros in front, as those write them who want folders in order. */
const isWholeNumber = (name: string): boolean => /^[0-9]{1,9}$/.test(name);

const some = (names: readonly string[]): string =>
  names.length > 12 ? `${names.slice(0, 12).join(', ')}, … (${names.length} in all)` : names.join(', ');

async function list(path: string): Promise<{ folders: string[]; files: string[] }> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw new InputError(`${path}: the folder of images cannot be read, ${systemReason(cause)}.`, { cause });
  });
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries.filter(({ name }) => !name.startsWith('.'))) {
    (await isFolder(path, entry)) ? folders.push(entry.name) : files.push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
}

/** A link to a folder of images is one. A link that leads nowhere is a file that cannot be read. */
async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return stat(join(parent, entry.name)).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The class of each folder, by its label or its index. */
function byLabel(dir: string, folders: readonly string[], labels: readonly string[]): Map<string, number> {
  // Some file systems hold letters with marks in two pieces.
  const written = labels.map((label) => label.normalize());
  const classOf = (name: string): number => {
    const label = written.indexOf(name.normalize());
    const another = written.indexOf(name.normalize(), label + 1);
    if (label !== -1 && another !== -1) {
      throw new InputError(
        `${dir}: the folder ${name} may be class ${label} or ${another}, which have the same label; name it by the index of its class.`,
      );
    }
    return label === -1 && isWholeNumber(name) && Number(name) < labels.length ? Number(name) : label;
  };
  const unknown = folders.filter((name) => classOf(name) === -1);
  if (unknown.length > 0) {
    throw new InputError(
      `${dir}: the folder${unknown.length === 1 ? '' : 's'} ${some(unknown)} ${unknown.length === 1 ? 'is' : 'are'} no class of the model; name each folder by a label (${some(labels)}) or by an index from 0 to ${labels.length - 1}.`,
    );
  }
  return new Map(folders.map((name) => [name, classOf(name)]));
}

/**
 * The class of each folder of a model without labels: by its index where all are numbers, otherwise by its
 * place in the alphabet.
 */
function byOrder(dir: string, folders: readonly string[], classes: number): Map<string, number> {
  if (folders.every((name) => isWholeNumber(name) && Number(name) < classes)) {
    return new Map(folders.map((name) => [name, Number(name)]));
  }
  if (folders.length !== classes) {
    throw new InputError(
      `${dir}: there are ${folders.length} folders (${some(folders)}) and the model has ${classes} classes; for an ONNX file the folders in alphabetical order are the classes, so let an empty folder stand for a class without images, or name each folder by its class's index.`,
    );
  }
  return new Map(folders.map((name, index) => [name, index]));
}

const passedOver = (paths: readonly string[], what: string): string[] =>
  paths.length === 0 ? [] : [`Passed over: ${what}, ${paths.length} in all, such as ${paths[0]}.`];

/**
 * The images of a folder that holds a folder for each class. Rejects with `InputError` where it holds none,
 * or a class that is unknown.
 */
export async function findImages(dir: string, { labels, classes }: ClassNames): Promise<LabelledFolder> {
  const { folders, files: loose } = await list(dir);
  if (folders.length === 0) {
    throw new InputError(
      `${dir}: there is no folder in it; put the images of each class into a folder named by the class.`,
    );
  }
  const classOf = labels === undefined ? byOrder(dir, folders, classes) : byLabel(dir, folders, labels);
  const strays = loose.map((name) => join(dir, name));
  const nested: string[] = [];
  const found: LabelledFile[] = [];
  for (const folder of folders) {
    const inside = await list(join(dir, folder));
    for (const name of inside.files) {
      const path = join(dir, folder, name);
      if (hasImageName(name)) found.push({ path, label: classOf.get(folder)! });
      else strays.push(path);
    }
    nested.push(...inside.folders.map((name) => join(dir, folder, name)));
  }
  if (found.length === 0) {
    throw new InputError(`${dir}: no folder in it holds a JPEG, PNG, WebP or AVIF image.`);
  }
  found.sort((a, b) => a.label - b.label || (a.path < b.path ? -1 : 1));
  const names = labels ?? namesOf(classOf, classes);
  return { files: found, names, notes: [...notesOf(strays, nested), ...emptyClasses(found, names)] };
}

const notesOf = (strays: readonly string[], nested: readonly string[]): string[] => [
  ...passedOver(strays, 'what is no image in the folder of a class'),
  ...passedOver(nested, 'folders inside the folder of a class'),
];

function namesOf(classOf: ReadonlyMap<string, number>, classes: number): string[] {
  const names = Array.from({ length: classes }, (_, k) => `class ${k}`);
  for (const [folder, k] of classOf) names[k] = folder;
  return names;
}

/** What the figures cannot tell of. */
function emptyClasses(files: readonly LabelledFile[], names: readonly string[]): string[] {
  const seen = new Set(files.map(({ label }) => label));
  const missing = names.filter((_, k) => !seen.has(k));
  if (missing.length === 0) return [];
  const them = missing.length === 1 ? 'it' : 'them';
  return [`No image shows ${some(missing)}: the figures say nothing of ${them}.`];
}

/**
 * The first `count` of the files in the order that the seed gives them (Fisher and Yates); all where there
 * are no more.
 */
export function chooseImages(
  files: readonly LabelledFile[],
  seed: number,
  count = files.length,
): LabelledFile[] {
  const random = createRandom(seed, 'images');
  const mixed = [...files];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!];
  }
  return mixed.slice(0, count);
}

/** The pixels of a file as the model sees them, planar bytes. Rejects with `InputError` naming the file. */
async function decodeFile(decoder: ImageDecoder, path: string, input: InputSpec): Promise<Uint8Array> {
  const bytes = await readRegularFile(path).catch((cause: unknown) => {
    throw new InputError(`${path}: it cannot be read, ${systemReason(cause)}.`, { cause });
  });
  return decoder.decode(bytes, input).catch((cause: unknown) => {
    if (!(cause instanceof ServiceError)) throw cause;
    throw new InputError(`${path}: ${cause.message} Mend it or take it out.`, { cause });
  });
}

/** A few at a time: decoding has threads of its own. */
const READ_AT_A_TIME = 8;

async function inTurns<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += READ_AT_A_TIME) {
    await Promise.all(items.slice(start, start + READ_AT_A_TIME).map((item, i) => work(item, start + i)));
  }
}

/**
 * Decodes every file and keeps nothing: a broken file is told of before hours of work, and not after. Rejects
 * with an `InputError` of every fault.
 */
export async function checkImages(
  decoder: ImageDecoder,
  files: readonly LabelledFile[],
  input: InputSpec,
  onProgress: (done: number) => void,
): Promise<void> {
  const found: (readonly string[])[] = files.map(() => []);
  let done = 0;
  await inTurns(files, async ({ path }, i) => {
    await decodeFile(decoder, path, input).catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
      found[i] = error.faults;
    });
    done += 1;
    onProgress(done);
  });
  const faults = found.flat();
  if (faults.length > MOST_FAULTS) {
    throw new InputError([
      ...faults.slice(0, MOST_FAULTS),
      `${faults.length - MOST_FAULTS} more are broken.`,
    ]);
  }
  if (faults.length > 0) throw new InputError(faults);
}

const MOST_FAULTS = 10;

/** The files as one batch of pixels in [0, 1]. */
export async function readBatch(
  decoder: ImageDecoder,
  files: readonly LabelledFile[],
  input: InputSpec,
): Promise<Batch> {
  const dims = [files.length, ...rowShape(input)];
  const images = float32(dims, new Float32Array(elementCount(dims)));
  const size = elementCount(rowShape(input));
  await inTurns(files, async ({ path }, row) => {
    const bytes = await decodeFile(decoder, path, input);
    for (let i = 0; i < size; i++) images.data[row * size + i] = bytes[i]! / 255;
  });
  return { images, labels: Int32Array.from(files, ({ label }) => label) };
}
