import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { InputError, ServiceError } from '../errors.ts';
import { createImageDecoder, hasImageName, IMAGE_ENDINGS, toRow } from '../images/index.ts';
import { rowShape } from '../models/index.ts';
import type { InputSpec } from '../models/model.ts';
import { elementCount, float32, type Tensor } from '../tensor.ts';
import { fileError } from './file-error.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The images of a folder and of the folders in it. Rejects with `InputError` where there is none. */
async function imagesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw fileError(folder, 'read', error);
  });
  const files = entries
    .filter((entry) => !entry.isDirectory() && hasImageName(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  if (files.length > 0) return files;
  throw new InputError(
    `${folder}: there is no image in it; JPEG, PNG, WebP and AVIF are read, by the endings ${IMAGE_ENDINGS.join(', ')}.`,
  );
}

/**
 * The images of a folder and of the folders in it, in the order of the hashes of their paths, which mixes
 * them and is always the same. Rejects with `InputError` where there is none.
 */
export async function listImages(folder: string): Promise<readonly string[]> {
  return (await imagesIn(folder))
    .map((path) => ({ path, key: digest(relative(folder, path)) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ path }) => path);
}

/**
 * `paths` with the images in it, in the order of their paths, in the place of each folder. A path that leads
 * nowhere stays. Rejects with `InputError` where a folder holds no image.
 */
export async function insteadOfFolders(paths: readonly string[]): Promise<readonly string[]> {
  const files = paths.map(async (path) => {
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    return isFolder ? [...(await imagesIn(path))].sort() : [path];
  });
  return (await Promise.all(files)).flat();
}

/**
 * The images as rows of a model's input, [N, C, H, W]. Rejects with `InputError` naming the file at fault.
 */
export async function readImages(
  files: readonly string[],
  input: InputSpec,
  maxPixels: number,
): Promise<Tensor<'float32'>> {
  const decoder = createImageDecoder({ maxPixels });
  const dims = [files.length, ...rowShape(input)];
  const rows = float32(dims, new Float32Array(elementCount(dims)));
  const rowSize = rows.data.length / files.length;
  for (const [i, file] of files.entries()) {
    const bytes = await readFile(file).catch((error: unknown) => {
      throw fileError(file, 'read', error);
    });
    const pixels = await decoder.decode(bytes, input).catch((error: unknown) => {
      throw error instanceof ServiceError ? new InputError(`${file}: ${error.message}`) : error;
    });
    toRow(pixels, input, rows.data, i * rowSize);
  }
  return rows;
}
