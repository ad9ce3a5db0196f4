import { ServiceError } from '../errors.ts';
import { defaultVersion, type ModelEntry, type ModelRepository, type VersionEntry } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import type { PredictOptions } from './inference.ts';

/** When to retry for a loading version, and for a failed one, which an operator has to mend. */
const LOADING_RETRY_SECONDS = 5;
const FAILED_RETRY_SECONDS = 60;

type Unready = Exclude<VersionEntry<DescribedVersion>, { state: 'ready' }>;

/** Words for a version that is not ready, or for a model whose folder was never usable. */
const WORDS: Readonly<Record<Unready['state'], string>> = {
  loading: 'is still loading',
  failed: 'could not be loaded',
  unloaded: 'is not loaded at present',
};

function notReady(model: string, entry: Unready | undefined): ServiceError {
  const what = entry ? `Version ${entry.version} of the model` : 'The model';
  const state = entry?.state ?? 'failed';
  const retryAfterSeconds = state === 'loading' ? LOADING_RETRY_SECONDS : FAILED_RETRY_SECONDS;
  return new ServiceError('not_ready', `${what} "${model}" ${WORDS[state]}.`, { retryAfterSeconds });
}

/** The model with this name. Throws `unknown_model` with the names of all models. */
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
    if (serving !== undefined) return serving;
    throw notReady(name, versions.filter((each) => each.state !== 'ready').at(-1));
  }
  const entry = versions.find((each) => each.version === version);
  if (entry === undefined) {
    const known = versions.map((each) => each.version).join(', ');
    throw new ServiceError(
      'unknown_model',
      `The model "${name}" has no version ${version}; it has ${known || 'none'}.`,
    );
  }
  if (entry.state !== 'ready') throw notReady(name, entry);
  return entry.serving;
}

/** The name of the requested or the default recipe. Throws `unknown_recipe` with the names of all recipes. */
export function chooseRecipe(
  { name, manifest }: Pick<DescribedVersion, 'name' | 'manifest'>,
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

/** Throws `forbidden` where the caller may not use the recipe of the version. */
export function checkRecipe(
  { manifest }: Pick<DescribedVersion, 'manifest'>,
  recipe: string,
  { caller, recipes, hidesStatic }: Pick<PredictOptions, 'caller' | 'recipes' | 'hidesStatic'>,
): void {
  const forbidden = (why: string): ServiceError =>
    new ServiceError('forbidden', `The key "${caller}" may not use the recipe "${recipe}"${why}.`);
  if (recipes?.includes(recipe) === false) throw forbidden(`; it has ${recipes.join(', ')}`);
  if (hidesStatic && manifest.recipes[recipe]?.steps === 0) {
    throw forbidden(', which answers what the model predicts as it is; name one that adapts it');
  }
}

/**
 * A whole number from 1 to `max`, or `fallback` where none was given. Throws `invalid_request` naming
 * `parameter`.
 */
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

/**
 * How many milliseconds an answer may take: `longestMs` where none are given. Larger values count as
 * `longestMs`, so a patient app need not know each model's limit. Throws `invalid_request` below 1.
 */
export function chooseTimeout(value: number | undefined, longestMs: number): number {
  if (value === undefined) return longestMs;
  if (value >= 1) return Math.min(value, longestMs);
  throw new ServiceError('invalid_request', 'The parameter "timeout_ms" must be at least 1.');
}

/** Throws `invalid_request` where a request has more images than a batch of the model may hold. */
export function checkCount(
  { name, manifest }: Pick<DescribedVersion, 'name' | 'manifest'>,
  images: number,
): void {
  const { maxBatchSize } = manifest.batching;
  if (images >= 1 && images <= maxBatchSize) return;
  throw new ServiceError(
    'invalid_request',
    `A request to the model "${name}" has from 1 to ${maxBatchSize} images, not ${images}; send the others in another request.`,
  );
}
