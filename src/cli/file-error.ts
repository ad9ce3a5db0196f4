import { InputError } from '../errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EISDIR: 'it is a folder',
  ENOENT: 'it does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is no folder',
  EROFS: 'the file system is read-only',
};

/** What the file system said of `path`, as a sentence for the person who named it. */
export function fileError(path: string, done: 'read' | 'written', cause: unknown): InputError {
  const { code = String(cause) } = cause as NodeJS.ErrnoException;
  const missingFolder = code === 'ENOENT' && done === 'written';
  const reason = missingFolder ? 'its folder does not exist' : (REASONS[code] ?? code);
  return new InputError(`${path}: it cannot be ${done}, ${reason}.`, { cause });
}

/** Rejections of `work` that are a person's to mend, with the file at fault in front. */
export async function naming<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw cause instanceof InputError ? new InputError(`${path}: ${cause.message}`, { cause }) : cause;
  }
}
