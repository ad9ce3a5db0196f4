import { InputError } from '../errors.ts';
import type { HeldVersions } from './held-versions.ts';
import type { ReadVersion } from './load-version.ts';
import type { DescribedVersion } from './model.ts';
import { type ModelState, noteTried, servesWithout, versionState } from './model-state.ts';
import { planReload } from './reload-plan.ts';
import type { RepositoryObserver } from './repository.ts';
import type { FoundModel, FoundVersion } from './repository-scan.ts';

/** How to read and open the versions of a repository. They hold resources until they are released. */
export interface VersionLoader<V extends DescribedVersion> {
  read(model: FoundModel, version: FoundVersion): Promise<ReadVersion<V>>;
  release(version: V): Promise<void>;
  /** Whether some process can run this content. Rejects where that cannot be told at present. */
  isRunnable(content: string): Promise<boolean>;
}

export interface ApplyModelDeps<V extends DescribedVersion> {
  readonly loader: VersionLoader<V>;
  readonly held: HeldVersions<V>;
  readonly observer: RepositoryObserver;
  /** Makes the state visible to requests, all at once. */
  readonly publish: (state: ModelState<V>) => void;
  readonly isClosed: () => boolean;
}

const NOBODY_HAS_IT = 'No worker has its files as they are now.';
const FOLDER_IS_GONE = 'Its folder is gone; it serves until another version can.';

export const reasonOf = (error: unknown): string =>
  error instanceof InputError ? error.message : 'Loading it failed; the log of the server says why.';

/**
 * Makes the found versions of a model the ones that serve. Each opens beside the one that it replaces. Where
 * one fails, the earlier one goes on serving. Resolves with false where a version has to wait for a worker
 * that can run it.
 */
export async function applyModel<V extends DescribedVersion>(
  deps: ApplyModelDeps<V>,
  state: ModelState<V>,
  found: FoundModel,
): Promise<boolean> {
  const { loader, held, observer, publish, isClosed } = deps;

  /**
   * Rows must not go to a version without a worker while an older version has one. Where neither has one, it
   * makes no difference.
   */
  async function mayServe(content: string): Promise<boolean> {
    const serving = Array.from(state.versions.values(), (version) => version.serving?.content);
    const others = serving.filter((each) => each !== undefined);
    if (others.length === 0 || held.get(content) !== undefined) return true;
    try {
      if (await loader.isRunnable(content)) return true;
      return !(await Promise.all(others.map((each) => loader.isRunnable(each)))).includes(true);
    } catch {
      return false;
    }
  }

  async function open(version: number, { content, open }: ReadVersion<V>): Promise<V> {
    const known = held.get(content);
    // Nothing that the sessions depend on has changed. The rest of the manifest takes effect with this entry.
    if (known) return { ...known, manifest: found.manifest };
    observer.loading(found.name, version);
    return open();
  }

  function serve(serving: V): void {
    const entry = versionState(state, serving.version);
    const before = entry.serving;
    held.add(serving);
    entry.serving = serving;
    publish(state);
    if (before && before.content !== serving.content) void held.retire(before.content);
  }

  async function load(version: FoundVersion): Promise<boolean> {
    const startedMs = performance.now();
    const entry = versionState(state, version.version);
    try {
      const read = await loader.read(found, version);
      if (!(await mayServe(read.content))) {
        entry.reason = NOBODY_HAS_IT;
        entry.isWaiting = true;
        publish(state);
        return false;
      }
      const serving = await open(version.version, read);
      if (isClosed()) {
        await loader.release(serving);
        return true;
      }
      noteTried(state, version, found.manifest);
      serve(serving);
      observer.ready(serving, (performance.now() - startedMs) / 1000);
    } catch (error) {
      if (!isClosed()) fail(version, error);
    }
    return true;
  }

  function fail(version: FoundVersion, error: unknown): void {
    noteTried(state, version, found.manifest, reasonOf(error));
    publish(state);
    observer.failed(state.name, version.version, error);
  }

  function remove(version: number): void {
    const entry = versionState(state, version);
    if (entry.serving && !servesWithout(state, version)) {
      entry.reason = FOLDER_IS_GONE;
      publish(state);
      return;
    }
    state.versions.delete(version);
    publish(state);
    if (!entry.serving) return;
    observer.removed(state.name, version);
    void held.retire(entry.serving.content);
  }

  let isDone = true;
  for (const step of planReload([...state.versions.values()], found)) {
    if (isClosed()) break;
    if (step.kind === 'fail') fail(step.version, step.fault);
    else if (step.kind === 'remove') remove(step.version);
    else if (!(await load(step.version))) isDone = false;
  }
  return isDone;
}
