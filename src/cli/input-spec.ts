import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CompileOptions } from '../dent/index.ts';
import type { Engine } from '../engine/index.ts';
import { parseManifest } from '../models/index.ts';
import type { InputSpec } from '../models/model.ts';
import { draftOf } from './draft.ts';
import { fileError } from './file-error.ts';
import type { ModelFile } from './model-file.ts';

/**
 * Where the manifest of a file lies in a repository: two folders up from models/<name>/<version>/model.onnx.
 */
export const manifestBeside = (modelPath: string): string => join(dirname(modelPath), '..', 'model.json');

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
  const path = manifestBeside(model.path);
  const text = await textOf(path);
  if (text !== undefined) return parseManifest(text, path).input;
  const { manifest, guesses } = await draftOf(engine, model, hints);
  for (const guess of guesses.filter((each) => each.startsWith('input.')))
    process.stderr.write(`dent: ${model.path}: there is no model.json for it, so ${guess}\n`);
  return parseManifest(JSON.stringify(manifest), path).input;
}
