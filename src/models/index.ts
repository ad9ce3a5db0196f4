export { type ArtifactCache, createArtifactCache } from './artifact-cache.ts';
export { loadVersion, rowShape, type ServingVersion } from './load-version.ts';
export {
  defaultVersion,
  type ModelEntry,
  type ModelRepository,
  openModelRepository,
  type RepositoryObserver,
  type VersionEntry,
} from './repository.ts';
export { type FoundModel, scanRepository } from './repository-scan.ts';
