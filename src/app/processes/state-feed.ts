import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type ModelEntry, readyVersions } from '../../models/index.ts';
import type { DescribedVersion } from '../../models/model.ts';
import type { Backend } from '../backend.ts';
import type { Ask } from './calls.ts';
import { type Fault, faultOf } from './faults.ts';
import type { ApiCalls, SharedState } from './protocol.ts';

/** How often to look for changes. The queue tells nobody of its own. */
const LOOK_MS = 100;

/** Tells API processes the state of the primary process, and asks them what they hold. */
export interface StateFeed {
  /** From now on the process is told every change of the returned state. Call `unfollow` when it is gone. */
  follow(ask: Ask<ApiCalls>): SharedState;
  unfollow(ask: Ask<ApiCalls>): void;
  /** Resolves when every process answers by the present state. */
  settle(): Promise<void>;
  /** Whether an API process may still send rows of a content that is not served any more. */
  isHeld(content: string): Promise<boolean>;
  close(): void;
}

/** Without what only an engine's process knows, which cannot be cloned. */
function describedOf(version: DescribedVersion): DescribedVersion {
  const { name, sha256, tensors, reading, content, manifest } = version;
  return { name, version: version.version, sha256, tensors, ...(reading && { reading }), content, manifest };
}

const described = (model: ModelEntry<DescribedVersion>): ModelEntry<DescribedVersion> => ({
  ...model,
  versions: model.versions.map((entry) =>
    entry.state === 'ready' ? { ...entry, serving: describedOf(entry.serving) } : entry,
  ),
});

function wordsOf({ queue }: Pick<Backend, 'queue'>) {
  const refusal = queue.refusal?.();
  return {
    unreadyReasons: queue.unreadyReasons?.() ?? [],
    warnings: queue.warnings?.() ?? [],
    ...(refusal && { refusal: faultOf(refusal) as Fault & { kind: 'service' } }),
  };
}

export function createStateFeed({ models, queue }: Pick<Backend, 'models' | 'queue'>): StateFeed {
  const followers = new Set<Ask<ApiCalls>>();
  let seen: readonly ModelEntry<DescribedVersion>[] = [];
  let state: SharedState;

  function read(): void {
    seen = models.models();
    const { defaultModel } = models;
    state = { defaultModel, models: seen.map(described), isLoaded: models.isLoaded(), ...wordsOf({ queue }) };
  }

  function hasChanged(): boolean {
    const { defaultModel: _name, models: _told, isLoaded, ...words } = state;
    // The repository replaces the entry of a model that has changed.
    const now = models.models();
    const isSame = now.length === seen.length && now.every((entry, i) => entry === seen[i]);
    return !isSame || isLoaded !== models.isLoaded() || !isDeepStrictEqual(words, wordsOf({ queue }));
  }

  function look(): void {
    if (!hasChanged()) return;
    read();
    for (const ask of followers) ask('state', state).catch(() => {});
  }

  /** Calls arrive in order: a process that answers has been told every state before. */
  async function askAll(content: string): Promise<boolean> {
    look();
    const held = await Promise.all([...followers].map((ask) => ask('holds', content).catch(() => false)));
    return held.includes(true);
  }

  read();
  const timer = setInterval(look, LOOK_MS).unref();
  return {
    follow(ask) {
      look();
      followers.add(ask);
      return state;
    },
    unfollow: (ask) => void followers.delete(ask),
    async isHeld(content) {
      // The repository retires a version in the same turn in which it publishes that.
      await turn();
      const isHeld = await askAll(content);
      return isHeld || readyVersions({ models: () => state.models }).some((each) => each.content === content);
    },
    async settle() {
      await askAll('');
    },
    close: () => clearInterval(timer),
  };
}
