import type { DescribedVersion, Manifest } from './model.ts';
import type { KnownVersion } from './reload-plan.ts';
import type { ModelEntry, VersionEntry } from './repository.ts';
import type { FoundModel, FoundVersion } from './repository-scan.ts';

interface VersionState<V extends DescribedVersion> extends KnownVersion {
  tried?: KnownVersion['tried'];
  serving?: V | undefined;
  /** Why the version found last does not serve. */
  reason?: string | undefined;
  /** Whether it may yet serve without being changed. */
  isWaiting?: boolean;
}

/** One model as the repository keeps it. */
export interface ModelState<V extends DescribedVersion> {
  readonly name: string;
  /** The contents of its folder when it was last read. */
  found?: FoundModel;
  /** The folder's stamp at that time. */
  readStamp?: string;
  /** Why the folder could not be read then. */
  fault?: string | undefined;
  isUnloaded: boolean;
  readonly versions: Map<number, VersionState<V>>;
}

export const createModelState = <V extends DescribedVersion>(name: string): ModelState<V> => ({
  name,
  isUnloaded: false,
  versions: new Map(),
});

/** The state of a version; created where there is none. */
export function versionState<V extends DescribedVersion>(
  { versions }: ModelState<V>,
  version: number,
): VersionState<V> {
  const known = versions.get(version);
  if (known) return known;
  const created: VersionState<V> = { version };
  versions.set(version, created);
  return created;
}

/** Whether a version of another number serves. */
export const servesWithout = <V extends DescribedVersion>(
  { versions }: ModelState<V>,
  version: number,
): boolean => [...versions.values()].some((each) => each.version !== version && each.serving !== undefined);

/** Records that the version was tried as it was found, with the reason where it does not serve. */
export function noteTried<V extends DescribedVersion>(
  state: ModelState<V>,
  { version, stamp }: FoundVersion,
  manifest: Manifest,
  reason?: string,
): void {
  const entry = versionState(state, version);
  entry.tried = { stamp, manifest };
  entry.reason = reason;
  entry.isWaiting = false;
}

function versionEntry<V extends DescribedVersion>(
  { version, serving, reason: fault, isWaiting = false }: VersionState<V>,
  isUnloaded: boolean,
  tell: (reason: string) => string,
): VersionEntry<V> {
  if (isUnloaded) return { version, state: 'unloaded' };
  const reason = fault === undefined ? undefined : tell(fault);
  if (reason === undefined)
    return serving ? { version, state: 'ready', serving } : { version, state: 'loading' };
  if (serving) return { version, state: 'ready', serving, reason };
  return { version, state: isWaiting ? 'loading' : 'failed', reason };
}

/** The description of the model. `tell` writes the reasons. */
export function modelEntry<V extends DescribedVersion>(
  state: ModelState<V>,
  tell: (reason: string) => string,
): ModelEntry<V> {
  const { name, found, fault, isUnloaded, versions } = state;
  return {
    name,
    ...(found && { manifest: found.manifest }),
    ...(fault !== undefined && { reason: tell(fault) }),
    isUnloaded,
    versions: [...versions.values()]
      .sort((a, b) => a.version - b.version)
      .map((version) => versionEntry(version, isUnloaded, tell)),
  };
}
