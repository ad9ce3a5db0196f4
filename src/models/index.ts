export { RECIPE_FIELDS, type Recipe, type RecipeField } from '../dent/index.ts';
export { createArtifactCache } from './artifact-cache.ts';
export { otherCalibrations } from './calibrated.ts';
export { type CheckedRepository, checkRepository } from './check-repository.ts';
export { readModelFile } from './describe-version.ts';
export { draftManifest, type ManifestDraft } from './draft-manifest.ts';
export { farCacheHere } from './far-cache.ts';
export type { IsAwaited } from './held-versions.ts';
export { readVersion, rowShape, type ServingVersion } from './load-version.ts';
export { DEFAULT_RECIPES, parseManifest, SAFE_NAME } from './manifest.ts';
export { openModelDescriptions, openModelRepository } from './model-repositories.ts';
export {
  defaultVersion,
  type ModelControl,
  type ModelEntry,
  type ModelRepository,
  type RepositoryObserver,
  readyVersions,
  type VersionEntry,
} from './repository.ts';
export { type FoundModel, listRepository } from './repository-scan.ts';
