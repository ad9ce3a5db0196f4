import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tensorNames } from '../dent/index.ts';
import { InputError } from '../errors.ts';
import type { DescribedVersion } from './model.ts';
import { naming } from './naming.ts';
import type { FoundModel } from './repository-scan.ts';

/**
 * Describes a version by its manifest and its file. Rejects with `InputError` where the file cannot be read, or holds no image
 * classifier.
 */
export async function describeVersion(
  { name, manifest }: FoundModel,
  { version, modelPath }: FoundModel['versions'][number],
): Promise<DescribedVersion> {
  const bytes = await readFile(modelPath).catch((cause: Error) => {
    throw new InputError(`${modelPath}: the model cannot be read (${cause.message}).`, { cause });
  });
  const tensors = await naming(modelPath, async () => tensorNames(bytes));
  return { name, version, sha256: createHash('sha256').update(bytes).digest('hex'), tensors, manifest };
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
