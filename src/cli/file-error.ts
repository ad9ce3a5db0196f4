import { InputError, systemReason } from '../errors.ts';

/** The file system's error about `path`, as a sentence for the person who named it. */
export function fileError(path: string, done: 'read' | 'written', cause: unknown): InputError {
  const missingFolder = (cause as NodeJS.ErrnoException).code === 'ENOENT' && done === 'written';
  const reason = missingFolder ? 'its folder does not exist' : systemReason(cause);
  return new InputError(`${path}: it cannot be ${done}, ${reason}.`, { cause });
}
