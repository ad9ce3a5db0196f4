import { basename } from 'node:path';
import { type CompileOptions, inputScaling, inspect } from '../dent/index.ts';
import type { Engine } from '../engine/index.ts';
import { naming } from '../errors.ts';
import { draftManifest, type ManifestDraft, parseManifest } from '../models/index.ts';
import type { Manifest } from '../models/model.ts';
import type { ModelFile } from './model-file.ts';

/** The manifest that `dent init` writes for a model's file, and what of it is a guess. */
export async function draftOf(
  engine: Engine,
  { path, bytes }: ModelFile,
  hints: CompileOptions,
): Promise<ManifestDraft> {
  const { output } = hints;
  return naming(path, async () => {
    const found = await inspect(bytes, engine, hints);
    const producer = found.producer === '' ? '' : `, written by ${found.producer}`;
    const description = `${basename(path)}${producer}`;
    return draftManifest(found, { description, scaling: inputScaling(bytes), output });
  });
}

/** That manifest as a server reads it, for a file that lies in no repository. */
export async function draftedManifest(
  engine: Engine,
  file: ModelFile,
  hints: CompileOptions,
): Promise<{ readonly manifest: Manifest; readonly guesses: readonly string[] }> {
  const { manifest, guesses } = await draftOf(engine, file, hints);
  return { manifest: parseManifest(JSON.stringify(manifest), file.path), guesses };
}
