import { ServiceError } from '../errors.ts';
import { defaultVersion, type ModelEntry, type ModelRepository, type VersionEntry } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import type { PredictRequest } from './inference.ts';

/** When to ask again for a version that is loading, and for one that failed, which takes an operator. */
const LOADING_RETRY_SECONDS = 5;
const FAILED_RETRY_SECONDS = 60;

function notReady(model: string, entry: VersionEntry<DescribedVersion>): ServiceError {
  return entry.state === 'failed'
    ? new ServiceError('not_ready', `Version ${entry.version} of the model "${model}" could not be loaded.`, {
        retryAfterSeconds: FAILED_RETRY_SECONDS,
      })
    : new ServiceError('not_ready', `Version ${entry.version} of the model "${model}" is still loading.`, {
        retryAfterSeconds: LOADING_RETRY_SECONDS,
      });
}

/** The model of that name. Throws `unknown_model` naming those there are. */
export function chooseModel<V extends DescribedVersion>(
  models: ModelRepository<V>,
  name: string,
): ModelEntry<V> {
  const model = models.model(name);
  if (model !== undefined) return model;
  const names = models.models().map((each) => each.name);
  throw new ServiceError('unknown_model', `There is no model "${name}"; the models are ${names.join(', ')}.`);
}

/** The version asked for, or the largest that is ready. Throws `unknown_model` or `not_ready`. */
export function chooseVersion<V extends DescribedVersion>(
  model: ModelEntry<V>,
  version: number | undefined,
): V {
  const { name, versions } = model;
  if (version === undefined) {
    const serving = defaultVersion(model);
    if (serving === undefined) throw notReady(name, versions.at(-1)!);
    return serving;
  }
  const entry = versions.find((each) => each.version === version);
  if (entry === undefined) {
    const known = versions.map((each) => each.version).join(', ');
    throw new ServiceError(
      'unknown_model',
      `The model "${name}" has no version ${version}; it has ${known}.`,
    );
  }
  if (entry.state !== 'ready') throw notReady(name, entry);
  return entry.serving;
}

/** The name of the recipe asked for, or of the model's default. Throws `unknown_recipe` naming those there are. */
export function chooseRecipe(
  { name, manifest }: Pick<ModelEntry<DescribedVersion>, 'name' | 'manifest'>,
  recipe: string | undefined,
): string {
  const chosen = recipe ?? manifest.defaultRecipe;
  if (Object.hasOwn(manifest.recipes, chosen)) return chosen;
  const names = Object.keys(manifest.recipes).join(', ');
  throw new ServiceError(
    'unknown_recipe',
    `The model "${name}" has no recipe "${chosen}"; its recipes are ${names}.`,
  );
}

/** Throws `forbidden` where the caller may not use the recipe. */
export function checkRecipe(
  recipe: string,
  { caller, recipes }: Pick<PredictRequest, 'caller' | 'recipes'>,
): void {
  if (recipes === undefined || recipes.includes(recipe)) return;
  throw new ServiceError(
    'forbidden',
    `The key "${caller}" may not use the recipe "${recipe}"; it has ${recipes.join(', ')}.`,
  );
}

/** A whole number from 1 to `max`, or `fallback` where none was given. Throws `invalid_request` naming `parameter`. */
export function chooseNumber(
  parameter: string,
  value: number | undefined,
  max: number,
  fallback: number,
): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new ServiceError(
    'invalid_request',
    `The parameter "${parameter}" must be a whole number from 1 to ${max}.`,
  );
}
