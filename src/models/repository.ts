import { InputError } from '../errors.ts';
import { describeVersion } from './describe-version.ts';
import { type LoadVersionDeps, loadVersion, type ServingVersion } from './load-version.ts';
import type { DescribedVersion, Manifest } from './model.ts';
import { type FoundModel, scanRepository } from './repository-scan.ts';

/** One version and where it stands. `reason` says in a sentence why it failed. */
export type VersionEntry<V extends DescribedVersion = ServingVersion> = { readonly version: number } & (
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly serving: V }
  | { readonly state: 'failed'; readonly reason: string }
);

export interface ModelEntry<V extends DescribedVersion = ServingVersion> {
  readonly name: string;
  readonly manifest: Manifest;
  /** Ascending. */
  readonly versions: readonly VersionEntry<V>[];
}

/** Hears of every version that has become ready or has failed. */
export interface RepositoryObserver {
  ready(version: DescribedVersion): void;
  failed(model: string, version: number, error: unknown): void;
}

export interface RepositoryOptions {
  readonly root: string;
  /** Answers requests that name no model; the first in the order of names where it is not set. */
  readonly defaultModel?: string;
}

/**
 * What is served: versions that an engine has opened, or no more than their descriptions where engines are elsewhere. Its
 * content changes while `load` runs: read it anew for each request.
 */
export interface ModelRepository<V extends DescribedVersion = ServingVersion> {
  readonly defaultModel: string;
  models(): readonly ModelEntry<V>[];
  model(name: string): ModelEntry<V> | undefined;
  /** Makes every version ready, one after the other. A version that fails says so in its entry. Called once. */
  load(): Promise<void>;
  /** Frees what the versions hold, after the calls in flight. Idempotent. */
  close(): Promise<void>;
}

/** The version that serves where a request names none: the largest that is ready. */
export function defaultVersion<V extends DescribedVersion>(model: ModelEntry<V>): V | undefined {
  const ready = model.versions.findLast((version) => version.state === 'ready');
  return ready?.state === 'ready' ? ready.serving : undefined;
}

/** Every version that is ready now. */
export const readyVersions = <V extends DescribedVersion>(models: ModelRepository<V>): V[] =>
  models
    .models()
    .flatMap(({ versions }) => versions.flatMap((entry) => (entry.state === 'ready' ? [entry.serving] : [])));

/** Models by name from what the scan has found, with every version still to load. */
function createEntries<V extends DescribedVersion>(found: readonly FoundModel[]) {
  return new Map(
    found.map(({ name, manifest, versions }) => {
      const states: VersionEntry<V>[] = versions.map(({ version }) => ({ version, state: 'loading' }));
      return [name, { name, manifest, versions: states }];
    }),
  );
}

/** How the versions of a repository become ready, and what they hold until it closes. */
interface VersionLoader<V> {
  load(model: FoundModel, version: FoundModel['versions'][number]): Promise<V>;
  release(version: V): Promise<void>;
}

async function openRepository<V extends DescribedVersion>(
  loader: VersionLoader<V>,
  observer: RepositoryObserver,
  { root, defaultModel }: RepositoryOptions,
): Promise<ModelRepository<V>> {
  const found = await scanRepository(root);
  const entries = createEntries<V>(found);
  if (defaultModel !== undefined && !entries.has(defaultModel)) {
    throw new InputError(`${root}: there is no model "${defaultModel}" to serve by default.`);
  }
  let closed = false;

  async function load(model: FoundModel, index: number): Promise<void> {
    const { version } = model.versions[index]!;
    const states = entries.get(model.name)!.versions;
    try {
      const serving = await loader.load(model, model.versions[index]!);
      states[index] = { version, state: 'ready', serving };
      observer.ready(serving);
    } catch (error) {
      if (closed) return;
      const reason =
        error instanceof InputError ? error.message : 'Loading it failed; the log of the server says why.';
      states[index] = { version, state: 'failed', reason };
      observer.failed(model.name, version, error);
    }
  }

  const repository: ModelRepository<V> = {
    defaultModel: defaultModel ?? found[0]!.name,
    models: () => [...entries.values()],
    model: (name) => entries.get(name),
    async load() {
      for (const model of found) {
        for (const index of model.versions.keys()) if (!closed) await load(model, index);
      }
    },
    async close() {
      closed = true;
      await Promise.all(readyVersions(repository).map((version) => loader.release(version)));
    },
  };
  return repository;
}

/**
 * Scans `root` and checks its manifests; `load` compiles, opens and warms the versions. Rejects with `InputError` where the
 * scan does, and where `defaultModel` names no model.
 */
export function openModelRepository(
  deps: LoadVersionDeps & { readonly observer: RepositoryObserver },
  options: RepositoryOptions,
): Promise<ModelRepository> {
  const loader: VersionLoader<ServingVersion> = {
    async load(model, version) {
      const serving = await loadVersion(deps, model, version);
      try {
        await serving.warm();
        return serving;
      } catch (error) {
        await serving.release();
        throw error;
      }
    },
    release: (serving) => serving.release(),
  };
  return openRepository(loader, deps.observer, options);
}

/** The same without an engine, for processes that take requests and leave the work to others: nothing is compiled. */
export function openModelDescriptions(
  { observer }: { readonly observer: RepositoryObserver },
  options: RepositoryOptions,
): Promise<ModelRepository<DescribedVersion>> {
  return openRepository({ load: describeVersion, release: async () => {} }, observer, options);
}
