import { randomUUID } from 'node:crypto';
import { access, constants, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError } from './file-error.ts';

interface Target {
  /** The file behind symbolic links. */
  readonly path: string;
  /** False for a device or a pipe, which must never be replaced by a file. */
  readonly isFile: boolean;
}

async function targetOf(path: string): Promise<Target> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return { path, isFile: true };
  if (found.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
  return { path: await realpath(path), isFile: found.isFile() };
}

/** Checks before long work whether its result can be written. Rejects with `InputError`. */
export async function checkWritable(path: string): Promise<void> {
  try {
    const target = await targetOf(path);
    await access(target.isFile ? dirname(target.path) : target.path, constants.W_OK);
  } catch (error) {
    throw fileError(path, 'written', error);
  }
}

/**
 * Writes a file that appears under its name all at once, and replaces an earlier one. Rejects with
 * `InputError` naming it, and then leaves nothing behind.
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const target = await targetOf(path);
    if (!target.isFile) return await writeFile(target.path, bytes);
    const temporary = join(dirname(target.path), `.${basename(target.path)}.${randomUUID()}`);
    try {
      await writeFile(temporary, bytes, { flush: true });
      await rename(temporary, target.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw fileError(path, 'written', error);
  }
}
