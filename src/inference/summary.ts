import { defaultVersion, type ModelEntry, type ModelRepository, type VersionEntry } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import type { ModelSummary, VersionSummary } from './inference.ts';

function summarizeVersion(entry: VersionEntry<DescribedVersion>): VersionSummary {
  const { version, state } = entry;
  const reason = 'reason' in entry ? entry.reason : undefined;
  const reading = entry.state === 'ready' ? entry.serving.reading : undefined;
  return {
    version,
    state,
    ...(entry.state === 'ready' && { sha256: entry.serving.sha256 }),
    ...(reading !== undefined && { reading }),
    ...(reason !== undefined && { reason }),
  };
}

/**
 * The public description of a model. Input, labels and recipes are those of the version that serves by
 * default.
 */
export function summarize(model: ModelEntry<DescribedVersion>): ModelSummary {
  const { name, reason, versions } = model;
  const serving = defaultVersion(model);
  const manifest = serving?.manifest ?? model.manifest;
  return {
    name,
    ...(reason !== undefined && { reason }),
    versions: versions.map(summarizeVersion),
    ...(serving !== undefined && { defaultVersion: serving.version }),
    ...(manifest !== undefined && {
      description: manifest.description,
      input: manifest.input,
      labels: manifest.labels,
      recipes: manifest.recipes,
      defaultRecipe: manifest.defaultRecipe,
    }),
  };
}

const loadingReasons = ({ name, versions }: ModelEntry<DescribedVersion>): string[] =>
  versions
    .filter(({ state }) => state === 'loading')
    .map(({ version }) => `Version ${version} of the model "${name}" is loading.`);

function unreadyReasons(model: ModelEntry<DescribedVersion>): string[] {
  const loading = loadingReasons(model);
  return loading.length > 0 ? loading : [`No version of the model "${model.name}" could be loaded.`];
}

/**
 * Why the models keep a process from being ready, one sentence for each reason. A process is not ready until
 * each version has been tried once. Later it is ready as long as any model serves. One that is added,
 * changed, broken or unloaded is no reason to send the requests for the others elsewhere.
 */
export function modelReasons(
  models: Pick<ModelRepository<DescribedVersion>, 'models' | 'isLoaded'>,
): string[] {
  const entries = models.models();
  const loading = models.isLoaded() ? [] : entries.flatMap(loadingReasons);
  if (loading.length > 0) return loading;
  if (entries.some((model) => defaultVersion(model) !== undefined)) return [];
  return entries.filter(({ isUnloaded }) => !isUnloaded).flatMap(unreadyReasons);
}
