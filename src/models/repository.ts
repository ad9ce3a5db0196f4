import type { Hold } from './held-versions.ts';
import type { ServingVersion } from './load-version.ts';
import type { DescribedVersion, Manifest } from './model.ts';
import type { PassedOver } from './repository-scan.ts';

/** The state of a version. A `reason` is one sentence. */
type VersionStanding<V> =
  /** `reason`: what it waits for. */
  | { readonly state: 'loading'; readonly reason?: string }
  /** `reason`: why its current files are not the ones that serve. */
  | { readonly state: 'ready'; readonly serving: V; readonly reason?: string }
  /** `reason`: why nothing of it serves. */
  | { readonly state: 'failed'; readonly reason: string }
  /** An operator has unloaded it. */
  | { readonly state: 'unloaded' };

export type VersionEntry<V extends DescribedVersion = ServingVersion> = {
  readonly version: number;
} & VersionStanding<V>;

export interface ModelEntry<V extends DescribedVersion = ServingVersion> {
  readonly name: string;
  /**
   * The latest manifest that could be read. Versions may still serve by an earlier one. Absent where none
   * ever could be read.
   */
  readonly manifest?: Manifest;
  /** One sentence on why the model's folder cannot be used as it is now. */
  readonly reason?: string;
  readonly isUnloaded: boolean;
  /** Ascending. */
  readonly versions: readonly VersionEntry<V>[];
}

/** Hears what happens to the versions. */
export interface RepositoryObserver {
  loading(model: string, version: number): void;
  /** The version serves from now on. `seconds` is how long it took to get there. */
  ready(version: DescribedVersion, seconds: number): void;
  /** `version` is undefined where the model's folder is at fault, `model` too where the repository is. */
  failed(model: string | undefined, version: number | undefined, error: unknown): void;
  /** A folder that is no model or no version. Once for as long as it is there. */
  passedOver(folder: PassedOver): void;
  /** No version of this number serves any more. */
  removed(model: string, version: number): void;
  /** A version that does not serve any more has answered its last row and holds nothing. */
  released(version: DescribedVersion): void;
}

/** What operators may ask of a running process. Failures are `ServiceError`s. */
export interface ModelControl {
  /**
   * Reads the model's folder again. Resolves when the versions in it serve. Rejects with `unknown_model`
   * where there is no such folder, with `invalid_request` and the reason where something in it cannot be
   * served, and with `not_ready` where no worker with the model has come.
   */
  loadModel(name: string): Promise<void>;
  /**
   * Stops serving the model until it is loaded again. Resolves when all accepted requests for it are
   * answered. Rejects with `unknown_model`.
   */
  unloadModel(name: string): Promise<void>;
}

/**
 * The served models: versions that an engine has opened, or only their descriptions where engines are
 * elsewhere. Its content changes at any time, so read it again for each request.
 */
export interface ModelRepository<V extends DescribedVersion = ServingVersion> extends ModelControl {
  /** The model for requests that name none. It stays the same while the process lives. */
  readonly defaultModel: string;
  models(): readonly ModelEntry<V>[];
  model(name: string): ModelEntry<V> | undefined;
  /**
   * The version with this content. It is not released until it is let go. Undefined where it is not here, or
   * not any more.
   */
  hold(content: string): Hold<V> | undefined;
  /** The description of a content, also for some time after it is gone. */
  describe(content: string): DescribedVersion | undefined;
  /** Contents of the versions that serve, and of former ones that still have rows to answer. */
  contents(): readonly string[];
  /**
   * Makes every version ready, one after the other, and then keeps looking for changes. A version that fails
   * says so in its entry. Called once.
   */
  load(): Promise<void>;
  /** Whether `load` is done. Every version has been tried then. */
  isLoaded(): boolean;
  /** Looks for changes, and resolves when they are applied. */
  reload(): Promise<void>;
  /** Stops looking for changes. Frees what the versions hold, after the calls in flight. Idempotent. */
  close(): Promise<void>;
}

/** The version for requests that name none: the largest that is ready. */
export function defaultVersion<V extends DescribedVersion>(model: ModelEntry<V>): V | undefined {
  const ready = model.versions.findLast((version) => version.state === 'ready');
  return ready?.state === 'ready' ? ready.serving : undefined;
}

/** Every version that is ready now. */
export const readyVersions = <V extends DescribedVersion>(models: Pick<ModelRepository<V>, 'models'>): V[] =>
  models
    .models()
    .flatMap(({ versions }) => versions.flatMap((entry) => (entry.state === 'ready' ? [entry.serving] : [])));
