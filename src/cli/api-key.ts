import { readFile } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import { fileError } from './file-error.ts';

/**
 * The API key that a file holds. A key on the command line would be seen by everybody on the machine. Rejects
 * with `InputError`.
 */
export async function readApiKey(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(path, 'read', error);
  });
  const key = text.trim();
  // What a header can carry.
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new InputError(`${path}: it must hold one API key and nothing else; \`dent key\` makes one.`);
}
