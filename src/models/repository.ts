import type { Hold } from './held-versions.ts';
import type { ServingVersion } from './load-version.ts';
import type { DescribedVersion, Manifest } from './model.ts';
import type { PassedOver } from './repository-scan.ts';

/** Where a version stands. A `reason` is one sentence. */
type VersionStanding<V> =
  /** `reason`: what it waits for. */
  | { readonly state: 'loading'; readonly reason?: string }
  /** `reason`: why its files as they are now are not what serves. */
  | { readonly state: 'ready'; readonly serving: V; readonly reason?: string }
  /** `reason`: why nothing of it serves. */
  | { readonly state: 'failed'; readonly reason: string }
  /** Somebody asked for it not to be served. */
  | { readonly state: 'unloaded' };

export type VersionEntry<V extends DescribedVersion = ServingVersion> = {
  readonly version: number;
} & VersionStanding<V>;

export interface ModelEntry<V extends DescribedVersion = ServingVersion> {
  readonly name: string;
  /** The latest that could be read; versions may still serve by an earlier one. Absent where none ever could. */
  readonly manifest?: Manifest;
  /** In a sentence why the model's folder as it is now cannot be used. */
  readonly reason?: string;
  readonly isUnloaded: boolean;
  /** Ascending. */
  readonly versions: readonly VersionEntry<V>[];
}

/** Hears of what becomes of the versions. */
export interface RepositoryObserver {
  loading(model: string, version: number): void;
  /** It is served from now on; `seconds` is how long that took. */
  ready(version: DescribedVersion, seconds: number): void;
  /** `version` is undefined where the model's folder is at fault, `model` where the repository is. */
  failed(model: string | undefined, version: number | undefined, error: unknown): void;
  /** A folder that is no model or no version; once for as long as it is there. */
  passedOver(folder: PassedOver): void;
  /** No version of this number is served any more. */
  removed(model: string, version: number): void;
  /** A version that is not served any more has answered its last row and holds nothing. */
  released(version: DescribedVersion): void;
}

/** What operators may ask of a running process. Failures are `ServiceError`s. */
export interface ModelControl {
  /**
   * Reads the model's folder anew, and resolves when its versions as they are there are served. Rejects with
   * `unknown_model` where there is no such folder, with `invalid_request` and the reason where something of it cannot be
   * served, and with `not_ready` where that takes a worker that has not come.
   */
  loadModel(name: string): Promise<void>;
  /**
   * Serves the model no more until it is loaded again; resolves when what was accepted for it is answered. Rejects with
   * `unknown_model`.
   */
  unloadModel(name: string): Promise<void>;
}

/**
 * What is served: versions that an engine has opened, or no more than their descriptions where engines are elsewhere. Its
 * content changes at any time: read it anew for each request.
 */
export interface ModelRepository<V extends DescribedVersion = ServingVersion> extends ModelControl {
  /** The model that requests mean which name none; the same for as long as the process lives. */
  readonly defaultModel: string;
  models(): readonly ModelEntry<V>[];
  model(name: string): ModelEntry<V> | undefined;
  /** The version of this content, which is not released until it is let go; undefined where it is not here, or no more. */
  hold(content: string): Hold<V> | undefined;
  /** What is known of a content, also for some time after it is gone. */
  describe(content: string): DescribedVersion | undefined;
  /** Of the versions that are served, and of those that were and still have rows to answer. */
  contents(): readonly string[];
  /** Makes every version ready, one after the other, and from then on looks for changes. One that fails says so in its entry. Called once. */
  load(): Promise<void>;
  /** Whether `load` is done, after which every version has been tried. */
  isLoaded(): boolean;
  /** Looks for changes, and resolves when they are applied. */
  reload(): Promise<void>;
  /** Looks no more, and frees what the versions hold, after the calls in flight. Idempotent. */
  close(): Promise<void>;
}

/** The version that serves where a request names none: the largest that is ready. */
export function defaultVersion<V extends DescribedVersion>(model: ModelEntry<V>): V | undefined {
  const ready = model.versions.findLast((version) => version.state === 'ready');
  return ready?.state === 'ready' ? ready.serving : undefined;
}

/** Every version that is ready now. */
export const readyVersions = <V extends DescribedVersion>(models: Pick<ModelRepository<V>, 'models'>): V[] =>
  models
    .models()
    .flatMap(({ versions }) => versions.flatMap((entry) => (entry.state === 'ready' ? [entry.serving] : [])));
