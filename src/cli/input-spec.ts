import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CompileOptions } from '../dent/index.ts';
import type { Engine } from '../engine/index.ts';
import { parseManifest } from '../models/index.ts';
import type { InputSpec } from '../models/model.ts';
import { draftedManifest } from './draft.ts';
import { fileError } from './file-error.ts';
import type { ModelFile } from './model-file.ts';

/** The text of a file, or undefined where there is none. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(path, 'read', error);
  }
}

/**
 * How images become rows of the model: as the manifest of its repository says. Where the file lies in none,
 * as `dent init` would read it from the file, and stderr tells what is guessed then.
 */
export async function inputSpecOf(
  engine: Engine,
  model: ModelFile,
  hints: CompileOptions,
): Promise<InputSpec> {
  // In a repository the file is <name>/<version>/model.onnx, and the manifest <name>/model.json.
  const path = join(dirname(model.path), '..', 'model.json');
  const text = await textOf(path);
  if (text !== undefined) return parseManifest(text, path).input;
  const { manifest, guesses } = await draftedManifest(engine, model, hints);
  for (const guess of guesses.filter((each) => each.startsWith('input.')))
    process.stderr.write(`dent: ${model.path}: there is no model.json for it, so ${guess}\n`);
  return manifest.input;
}
