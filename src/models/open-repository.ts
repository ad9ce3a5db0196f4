import { setTimeout as pause } from 'node:timers/promises';
import { InputError, ServiceError } from '../errors.ts';
import { applyModel, reasonOf, type VersionLoader } from './apply-model.ts';
import { createHeldVersions, type IsAwaited } from './held-versions.ts';
import type { DescribedVersion } from './model.ts';
import { createModelState, type ModelState, modelEntry } from './model-state.ts';
import { createTeller } from './passed-over.ts';
import { readFolder, readModels } from './read-models.ts';
import type { ModelEntry, ModelRepository, RepositoryObserver } from './repository.ts';
import { listRepository, type ModelFolder, type PassedOver } from './repository-scan.ts';
import { withoutPlaces } from './without-places.ts';

/** A folder is read once it has not changed for this long: copying into it has ended then. */
const SETTLE_MS = 500;
/** How long a requested model may wait for its first worker. */
const WORKER_WAIT_MS = 30_000;

export interface RepositoryOptions {
  readonly root: string;
  /** Where compiled models are. Callers do not learn the place of this folder, nor of `root`. */
  readonly cacheDir?: string;
  /** Answers requests that name no model. Where it is not set: the first model in the order of names. */
  readonly defaultModel?: string;
  /** How often to look for changes, milliseconds. 0: only on request. */
  readonly pollMs: number;
}

export interface RepositoryDeps<V extends DescribedVersion> {
  readonly loader: VersionLoader<V>;
  readonly observer: RepositoryObserver;
  /** Whether rows of a content that is not served any more may still come to be run. Never rejects. */
  readonly isAwaited: IsAwaited;
}

/** The fault where `defaultModel` is not in the repository. */
export const noDefault = (root: string, name: string, names: readonly string[]): InputError =>
  new InputError(
    `${root}: there is no model "${name}" to serve by default; set DENT_DEFAULT_MODEL to one of ${names.join(', ')}.`,
  );

function chooseDefault<V extends DescribedVersion>(
  states: ReadonlyMap<string, ModelState<V>>,
  { root, defaultModel }: RepositoryOptions,
): string {
  if (defaultModel === undefined) return [...states.values()].find(({ found }) => found !== undefined)!.name;
  if (states.has(defaultModel)) return defaultModel;
  throw noDefault(root, defaultModel, [...states.keys()]);
}

const unknownModel = (name: string): ServiceError =>
  new ServiceError('unknown_model', `The repository has no model "${name}".`);

const notLoaded = (name: string, reason: string): ServiceError =>
  new ServiceError('invalid_request', `The model "${name}" could not be loaded. ${reason}`);

/**
 * Reads the manifests of the repository. `load` makes its versions ready. Rejects with `InputError` where the
 * repository cannot be read, where none of its models can, and where `defaultModel` names no model.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: small functions around one state they share.
export async function openRepository<V extends DescribedVersion>(
  { loader, observer, isAwaited }: RepositoryDeps<V>,
  options: RepositoryOptions,
): Promise<ModelRepository<V>> {
  const { root, cacheDir, pollMs } = options;
  const { states, passedOver } = await readModels<V>(root);
  const defaultModel = chooseDefault(states, options);
  const entries = new Map<string, ModelEntry<V>>();
  const { release } = loader;
  const held = createHeldVersions<V>({ release, isAwaited, onReleased: observer.released });
  /** The stamp of each folder at the last look. */
  let seen = new Map<string, string>();
  let repositoryFault: string | undefined;
  let isLoaded = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let lastTurn: Promise<unknown> = Promise.resolve();

  const tell = (reason: string): string => withoutPlaces(reason, [root, cacheDir ?? '']);
  const publish = (state: ModelState<V>): void => {
    entries.set(state.name, modelEntry(state, tell));
  };
  const tellPassedOver = createTeller(observer.passedOver);
  const tellOf = (ofRoot: readonly PassedOver[]): void =>
    tellPassedOver([
      ...ofRoot,
      ...Array.from(states.values(), ({ found }) => found?.passedOver ?? []).flat(),
    ]);
  const applyDeps = { loader, held, observer, publish, isClosed: () => isClosed };

  /** Changes the models one change at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = lastTurn.then(work);
    lastTurn = turn.catch(() => {});
    return turn;
  }

  /** Serves the versions that were found. Resolves with false where that has to wait for a worker. */
  async function applyFound(state: ModelState<V>): Promise<boolean> {
    if (state.isUnloaded || state.fault !== undefined || !state.found) return true;
    return applyModel(applyDeps, state, state.found);
  }

  /** Serves the contents of the folder. Resolves with false where that has to wait for a worker. */
  async function apply(state: ModelState<V>, folder: ModelFolder): Promise<boolean> {
    if (state.readStamp !== folder.stamp) {
      const fault = await readFolder(state, folder);
      if (fault !== undefined) observer.failed(state.name, undefined, fault);
      publish(state);
    }
    return applyFound(state);
  }

  function stateOf(name: string): ModelState<V> {
    const state = states.get(name) ?? createModelState<V>(name);
    states.set(name, state);
    return state;
  }

  /** Takes the model's versions out of service. Each promise resolves when one of them is released. */
  function retireAll(state: ModelState<V>): Promise<void>[] {
    const serving = Array.from(state.versions.values(), (version) => version.serving);
    for (const version of state.versions.values()) {
      version.serving = undefined;
      version.tried = undefined;
      version.reason = undefined;
    }
    return serving
      .filter((version) => version !== undefined)
      .map(({ name, version, content }) => {
        observer.removed(name, version);
        return held.retire(content);
      });
  }

  function forget(state: ModelState<V>): void {
    states.delete(state.name);
    entries.delete(state.name);
    void Promise.all(retireAll(state));
  }

  /** Applies changes. Resolves with false where it should look again soon. */
  async function look(waitForStillness: boolean): Promise<boolean> {
    const { folders, passedOver } = await listRepository(root);
    const before = seen;
    seen = new Map(folders.map(({ name, stamp }) => [name, stamp]));
    const isStill = (name: string): boolean => !waitForStillness || before.get(name) === seen.get(name);
    let isDone = true;
    for (const state of [...states.values()].filter(({ name }) => !seen.has(name))) {
      if (isStill(state.name)) forget(state);
      else isDone = false;
    }
    for (const folder of folders) {
      if (isClosed) break;
      if (!isStill(folder.name)) isDone = false;
      else if (!(await apply(stateOf(folder.name), folder))) isDone = false;
    }
    tellOf(passedOver);
    return isDone;
  }

  /** Continues with models that wait for a worker, as they were read. */
  async function goOn(): Promise<boolean> {
    let isDone = true;
    for (const state of states.values()) if (!(await applyFound(state))) isDone = false;
    return isDone;
  }

  async function tick(): Promise<void> {
    let isDone = true;
    try {
      isDone = await inTurn(pollMs === 0 ? goOn : () => look(true));
      repositoryFault = undefined;
    } catch (error) {
      // When a volume disappears, its models stay.
      const fault = reasonOf(error);
      if (fault !== repositoryFault) observer.failed(undefined, undefined, error);
      repositoryFault = fault;
    }
    tickLater(isDone);
  }

  function tickLater(isDone: boolean): void {
    if (isClosed || (isDone && pollMs === 0)) return;
    const ms = isDone ? pollMs : Math.min(SETTLE_MS, pollMs || SETTLE_MS);
    timer = setTimeout(() => void tick(), ms).unref();
  }

  /** Loads the model as it is now. Resolves with false where that has to wait for a worker. */
  async function loadNow(name: string): Promise<boolean> {
    const { folders, passedOver } = await listRepository(root).catch((error: unknown) => {
      throw notLoaded(name, tell(reasonOf(error)));
    });
    const folder = folders.find((each) => each.name === name);
    if (folder === undefined) throw unknownModel(name);
    const state = stateOf(name);
    state.isUnloaded = false;
    // An earlier failure may have a reason outside its files.
    if (state.fault !== undefined) delete state.readStamp;
    for (const version of state.versions.values())
      if (version.reason !== undefined) version.tried = undefined;
    const isDone = await apply(state, folder);
    tellOf(passedOver);
    if (!isDone) return false;
    publish(state);
    const reasons = Array.from(state.versions.values(), ({ reason }) => reason);
    const reason = [state.fault, ...reasons].find((each) => each !== undefined);
    if (reason !== undefined) throw notLoaded(name, tell(reason));
    return true;
  }

  for (const state of states.values()) publish(state);

  return {
    defaultModel,
    models: () => [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    model: (name) => entries.get(name),
    hold: held.hold,
    describe: held.describe,
    contents: held.contents,
    isLoaded: () => isLoaded,

    async load() {
      tellOf(passedOver);
      for (const { name, fault } of states.values()) {
        if (fault !== undefined) observer.failed(name, undefined, new InputError(fault));
      }
      const isDone = await inTurn(goOn);
      isLoaded = true;
      tickLater(isDone);
    },

    async reload() {
      await inTurn(() => look(false));
    },

    async loadModel(name) {
      const untilMs = performance.now() + WORKER_WAIT_MS;
      while (!(await inTurn(() => loadNow(name)))) {
        if (performance.now() > untilMs) {
          throw new ServiceError(
            'not_ready',
            `No worker has the model "${name}" as it is in the repository.`,
            {
              retryAfterSeconds: 5,
            },
          );
        }
        await pause(SETTLE_MS);
      }
    },

    async unloadModel(name) {
      const released = await inTurn(async () => {
        const state = states.get(name);
        if (state === undefined) throw unknownModel(name);
        state.isUnloaded = true;
        const retired = retireAll(state);
        publish(state);
        return { all: Promise.all(retired) };
      });
      await released.all;
    },

    async close() {
      isClosed = true;
      clearTimeout(timer);
      await held.close();
    },
  };
}
