import { basename } from 'node:path';
import { type CompileOptions, inputScaling, inspect } from '../dent/index.ts';
import type { Engine } from '../engine/index.ts';
import { draftManifest, type ManifestDraft } from '../models/index.ts';
import { naming } from './file-error.ts';
import type { ModelFile } from './model-file.ts';

/** The manifest that `dent init` writes for a model's file, and what of it is a guess. */
export async function draftOf(
  engine: Engine,
  { path, bytes }: ModelFile,
  hints: CompileOptions,
): Promise<ManifestDraft> {
  const { output } = hints;
  const drafted = inspect(bytes, engine, hints).then((found) => {
    const producer = found.producer === '' ? '' : `, written by ${found.producer}`;
    const description = `${basename(path)}${producer}`;
    return draftManifest(found, { description, scaling: inputScaling(bytes), output });
  });
  return naming(path, drafted);
}
