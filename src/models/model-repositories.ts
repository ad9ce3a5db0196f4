import type { VersionLoader } from './apply-model.ts';
import { createDescriber } from './describe-version.ts';
import { type LoadVersionDeps, readVersion, type ServingVersion } from './load-version.ts';
import type { DescribedVersion } from './model.ts';
import { openRepository, type RepositoryDeps, type RepositoryOptions } from './open-repository.ts';
import type { ModelRepository } from './repository.ts';

type CommonDeps = Omit<RepositoryDeps<DescribedVersion>, 'loader'>;

/** Makes a version ready to run. */
export async function openAndWarm(open: () => Promise<ServingVersion>): Promise<ServingVersion> {
  const serving = await open();
  try {
    await serving.warm();
    return serving;
  } catch (error) {
    await serving.release();
    throw error;
  }
}

/**
 * A repository. `load` compiles, opens and warms its versions, and does so again whenever they change.
 * Rejects as `openRepository` does.
 */
export function openModelRepository(
  { observer, isAwaited, ...deps }: LoadVersionDeps & CommonDeps,
  options: RepositoryOptions,
): Promise<ModelRepository> {
  const loader: VersionLoader<ServingVersion> = {
    async read(model, version) {
      const { content, open } = await readVersion(deps, model, version);
      return { content, open: () => openAndWarm(open) };
    },
    release: (serving) => serving.release(),
    isRunnable: async () => true,
  };
  return openRepository({ loader, observer, isAwaited }, options);
}

export interface ModelDescriptionsDeps extends Pick<CommonDeps, 'observer'> {
  /** Whether any worker has this content. Rejects where that cannot be told at present. */
  readonly isRunnable: VersionLoader<DescribedVersion>['isRunnable'];
}

/**
 * The same without an engine, for processes that take requests and leave the work to others. Nothing is
 * compiled.
 */
export function openModelDescriptions(
  { observer, isRunnable }: ModelDescriptionsDeps,
  options: RepositoryOptions,
): Promise<ModelRepository<DescribedVersion>> {
  const describeVersion = createDescriber();
  const loader: VersionLoader<DescribedVersion> = {
    async read(model, version) {
      const described = await describeVersion(model, version);
      return { content: described.content, open: async () => described };
    },
    release: async () => {},
    isRunnable,
  };
  return openRepository({ loader, observer, isAwaited: async () => false }, options);
}
