import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { InputError } from '../errors.ts';
import type { DescribedVersion } from './model.ts';
import type { FoundModel } from './repository-scan.ts';

/** Describes a version by its manifest and the hash of its file. Rejects with `InputError` where the file cannot be read. */
export async function describeVersion(
  { name, manifest }: FoundModel,
  { version, modelPath }: FoundModel['versions'][number],
): Promise<DescribedVersion> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(modelPath), hash).catch((cause: Error) => {
    throw new InputError(`${modelPath}: the model cannot be read (${cause.message}).`, { cause });
  });
  return { name, version, sha256: hash.digest('hex'), manifest };
}

/**
 * A hash of all that decides what becomes of a version's rows, by which processes find out whether they mean the same by a
 * model's name: its file, how images become rows, and its recipes.
 */
export function contentHash({ name, version, sha256, manifest }: DescribedVersion): string {
  const { input, labels, recipes } = manifest;
  const identity = JSON.stringify([name, version, sha256, input, labels, recipes]);
  return createHash('sha256').update(identity).digest('hex');
}
