export { type ArtifactCache, createArtifactCache } from './artifact-cache.ts';
export { contentHash } from './describe-version.ts';
export { loadVersion, rowShape, type ServingVersion } from './load-version.ts';
export {
  defaultVersion,
  type ModelEntry,
  type ModelRepository,
  openModelDescriptions,
  openModelRepository,
  type RepositoryObserver,
  readyVersions,
  type VersionEntry,
} from './repository.ts';
export { type FoundModel, scanRepository } from './repository-scan.ts';
