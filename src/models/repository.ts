import { InputError } from '../errors.ts';
import { type LoadVersionDeps, loadVersion, type ServingVersion } from './load-version.ts';
import type { Manifest } from './model.ts';
import { type FoundModel, scanRepository } from './repository-scan.ts';

/** One version and where it stands. `reason` says in a sentence why it failed. */
export type VersionEntry = { readonly version: number } & (
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly serving: ServingVersion }
  | { readonly state: 'failed'; readonly reason: string }
);

export interface ModelEntry {
  readonly name: string;
  readonly manifest: Manifest;
  /** Ascending. */
  readonly versions: readonly VersionEntry[];
}

/** Hears of every version that has become ready or has failed. */
export interface RepositoryObserver {
  ready(version: ServingVersion): void;
  failed(model: string, version: number, error: unknown): void;
}

export interface RepositoryOptions {
  readonly root: string;
  /** Answers requests that name no model; the first in the order of names where it is not set. */
  readonly defaultModel?: string;
}

/** What is served. Its content changes while `load` runs: read it anew for each request. */
export interface ModelRepository {
  readonly defaultModel: string;
  models(): readonly ModelEntry[];
  model(name: string): ModelEntry | undefined;
  /** Compiles, opens and warms every version, one after the other. A version that fails says so in its entry. Called once. */
  load(): Promise<void>;
  /** Frees the engine's sessions after the calls in flight. Idempotent. */
  close(): Promise<void>;
}

/** The version that serves where a request names none: the largest that is ready. */
export function defaultVersion(model: ModelEntry): ServingVersion | undefined {
  const ready = model.versions.findLast((version) => version.state === 'ready');
  return ready?.state === 'ready' ? ready.serving : undefined;
}

/** Models by name from what the scan has found, with every version still to load. */
function createEntries(found: readonly FoundModel[]) {
  return new Map(
    found.map(({ name, manifest, versions }) => {
      const states: VersionEntry[] = versions.map(({ version }) => ({ version, state: 'loading' }));
      return [name, { name, manifest, versions: states }];
    }),
  );
}

/**
 * Scans `root` and checks its manifests; `load` does the rest. Rejects with `InputError` where the scan does, and where
 * `defaultModel` names no model.
 */
export async function openModelRepository(
  deps: LoadVersionDeps & { readonly observer: RepositoryObserver },
  { root, defaultModel }: RepositoryOptions,
): Promise<ModelRepository> {
  const found = await scanRepository(root);
  const entries = createEntries(found);
  if (defaultModel !== undefined && !entries.has(defaultModel)) {
    throw new InputError(`${root}: there is no model "${defaultModel}" to serve by default.`);
  }
  const { observer } = deps;
  let closed = false;

  async function loadWarm(model: FoundModel, index: number): Promise<ServingVersion> {
    const serving = await loadVersion(deps, model, model.versions[index]!);
    try {
      await serving.warm();
      return serving;
    } catch (error) {
      await serving.release();
      throw error;
    }
  }

  async function load(model: FoundModel, index: number): Promise<void> {
    const { version } = model.versions[index]!;
    const states = entries.get(model.name)!.versions;
    try {
      const serving = await loadWarm(model, index);
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

  return {
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
      const versions = [...entries.values()].flatMap(({ versions }) => versions);
      await Promise.all(versions.map((entry) => entry.state === 'ready' && entry.serving.release()));
    },
  };
}
