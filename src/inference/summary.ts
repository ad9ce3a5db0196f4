import { defaultVersion, type ModelEntry, type ModelRepository } from '../models/index.ts';
import type { DescribedVersion } from '../models/model.ts';
import type { ModelSummary } from './inference.ts';

/** What the outside is told of a model. */
export function summarize(model: ModelEntry<DescribedVersion>): ModelSummary {
  const { description, input, labels, recipes, defaultRecipe } = model.manifest;
  const serving = defaultVersion(model);
  return {
    name: model.name,
    description,
    versions: model.versions.map((entry) => {
      const { version, state } = entry;
      if (entry.state === 'ready') return { version, state, sha256: entry.serving.sha256 };
      return entry.state === 'failed' ? { version, state, reason: entry.reason } : { version, state };
    }),
    ...(serving !== undefined && { defaultVersion: serving.version }),
    input,
    labels,
    recipes,
    defaultRecipe,
  };
}

function unreadyReasons(model: ModelEntry<DescribedVersion>): string[] {
  const loading = model.versions.filter(({ state }) => state === 'loading');
  if (loading.length > 0) {
    return loading.map(({ version }) => `Version ${version} of the model "${model.name}" is loading.`);
  }
  return defaultVersion(model) === undefined
    ? [`No version of the model "${model.name}" could be loaded.`]
    : [];
}

/** Why the models keep a process from being ready, one sentence for each reason. */
export const modelReasons = (models: ModelRepository<DescribedVersion>): string[] =>
  models.models().flatMap(unreadyReasons);
