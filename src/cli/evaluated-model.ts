import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { createRecipe, PRESETS, type Recipe } from '../dent/index.ts';
import type { Engine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import { type FoundModel, listRepository } from '../models/index.ts';
import { draftedManifest } from './draft.ts';
import { COMMON_SIZE, compilerHints, readModelFile, type SizeOption } from './model-file.ts';

export interface EvaluatedModelOptions extends SizeOption {
  /** The folder of models. */
  readonly models: string;
  readonly output?: string;
}

/** A model that is to be evaluated. */
export interface EvaluatedModel extends FoundModel {
  /** Whether the names of its classes are the manifest's; otherwise folders give them. */
  readonly hasLabels: boolean;
  /** What had to be guessed of how images become rows. */
  readonly guesses: readonly string[];
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/**
 * A model of the repository, or an ONNX file with the manifest that `dent init` would write for it. Rejects
 * with `InputError`.
 */
export async function findEvaluatedModel(
  named: string,
  options: EvaluatedModelOptions,
  engine: Engine,
): Promise<EvaluatedModel> {
  if (named.endsWith('.onnx') || (await isFile(named))) return fromFile(named, options, engine);
  const { folders } = await listRepository(options.models);
  const folder = folders.find(({ name }) => name === named);
  if (folder === undefined) {
    const names = folders.map(({ name }) => name).join(', ');
    throw new InputError(
      `${named}: it is no ONNX file, and no model of ${options.models}, which holds ${names}.`,
    );
  }
  const model = await folder.read();
  const versions = model.versions.slice(-1);
  if (versions[0]!.fault) throw versions[0]!.fault;
  return { ...model, versions, hasLabels: true, guesses: [] };
}

async function fromFile(
  path: string,
  { size = COMMON_SIZE, output }: EvaluatedModelOptions,
  engine: Engine,
): Promise<EvaluatedModel> {
  const file = await readModelFile(path);
  const { manifest, guesses } = await draftedManifest(engine, file, compilerHints(size, output));
  return {
    name: basename(path, '.onnx'),
    manifest,
    manifestPath: path,
    versions: [{ version: 1, modelPath: resolve(path), stamp: '' }],
    passedOver: [],
    hasLabels: false,
    // Folders give the labels.
    guesses: guesses.filter((guess) => guess.startsWith('input.') || guess.startsWith('output')),
  };
}

/** What the others are compared with. */
const BASE = 'static';

/**
 * The recipes that are named, each the model's own or a preset, and the model as it is, which comes first.
 * Undefined names are returned beside them. Without names, all of the model's.
 */
export function chooseRecipes(
  { manifest }: Pick<FoundModel, 'manifest'>,
  names: readonly string[] = Object.keys(manifest.recipes),
): { readonly recipes: Record<string, Recipe>; readonly unknown: readonly string[] } {
  const own = manifest.recipes;
  const recipes: Record<string, Recipe> = {};
  const unknown: string[] = [];
  for (const name of new Set([BASE, ...names])) {
    if (Object.hasOwn(own, name)) recipes[name] = own[name]!;
    else if (Object.hasOwn(PRESETS, name)) recipes[name] = createRecipe({ preset: name });
    else unknown.push(name);
  }
  return { recipes, unknown };
}
