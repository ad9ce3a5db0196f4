import { lstat, realpath } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { InputError, systemReason } from '../errors.ts';

/** The absolute path of the repository as it was given, and the real path behind it. */
export interface RepositoryRoot {
  readonly top: string;
  readonly real: string;
}

/** What to do where a part of the repository is missing. */
const ADVICE = {
  'the manifest': '`dent init` drafts one',
  'the model': 'put the ONNX file there',
  'this link': 'have it lead to a folder, or remove it',
  'the folder': 'put it back',
  'the model repository': 'name its folder with DENT_MODELS or --models',
};

/** The error for a part that is missing, or cannot be read. */
export function missing(path: string, what: keyof typeof ADVICE, cause: unknown): InputError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new InputError(`${path}: ${what} is missing; ${ADVICE[what]}.`, { cause });
  const advice = code === 'EACCES' ? '; let the user of this process read it' : '';
  return new InputError(`${path}: ${what} cannot be read, ${systemReason(cause)}${advice}.`, { cause });
}

/** Whether `path`, or a folder on the way to it from the absolute `top`, is a symbolic link. */
async function isLinked(top: string, path: string): Promise<boolean> {
  for (let each = resolve(path); each.length > top.length; each = dirname(each)) {
    if ((await lstat(each)).isSymbolicLink()) return true;
  }
  return false;
}

/**
 * Refuses a symbolic link that leads outside of the repository. With `what`, also refuses a missing file, by
 * that name. The repository itself may be a link whose target has no name here, such as one into the file
 * system of another container.
 */
export async function checkInside(
  { top, real: root }: RepositoryRoot,
  path: string,
  what?: keyof typeof ADVICE,
): Promise<void> {
  const real = await isLinked(top, path)
    .then((linked) => (linked ? realpath(path) : undefined))
    .catch((cause: unknown) => {
      if (what !== undefined) throw missing(path, what, cause);
    });
  if (real === undefined || real.startsWith(root + sep)) return;
  throw new InputError(
    `${path}: this symbolic link leads out of the model repository; put the file itself there.`,
  );
}
