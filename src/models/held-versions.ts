import { setTimeout as pause } from 'node:timers/promises';
import type { DescribedVersion } from './model.ts';

/** How often to check whether rows still wait for a version that is not served any more. */
const LOOK_MS = 100;
/** How many versions stay described after they are gone, for late requests for their answers. */
const REMEMBERED = 64;

/** Keeps a version from being released until it is let go. */
export interface Hold<V> {
  readonly version: V;
  letGo(): void;
}

/** Whether rows of a content may still wait for a process that runs them. */
export type IsAwaited = (content: string) => Promise<boolean>;

/**
 * The versions that this process can run: those that are served, and former ones that still have rows to
 * answer.
 */
export interface HeldVersions<V extends DescribedVersion> {
  /** Makes the version findable by its content. It may be there already, retired or not. */
  add(version: V): void;
  get(content: string): V | undefined;
  /** Undefined where the content is not here, or not any more. */
  hold(content: string): Hold<V> | undefined;
  /** Knows the last versions that are gone, too. */
  describe(content: string): DescribedVersion | undefined;
  contents(): readonly string[];
  /**
   * Releases the version once no request holds it and no row of it waits. Resolves then, or when it is wanted
   * again. Call it when the version is not served any more, so that no new rows come.
   */
  retire(content: string): Promise<void>;
  /** Releases all, at once. */
  close(): Promise<void>;
}

interface Held<V> {
  version: V;
  holds: number;
  retired: boolean;
  /** Set once the version is retired. */
  release?: Promise<void> | undefined;
}

export interface HeldVersionsDeps<V> {
  readonly release: (version: V) => Promise<void>;
  readonly isAwaited: IsAwaited;
  readonly onReleased: (version: V) => void;
}

export function createHeldVersions<V extends DescribedVersion>(deps: HeldVersionsDeps<V>): HeldVersions<V> {
  const { release, isAwaited, onReleased } = deps;
  const held = new Map<string, Held<V>>();
  const gone = new Map<string, DescribedVersion>();

  function remember({ name, version, sha256, tensors, content, manifest }: V): void {
    gone.delete(content);
    gone.set(content, { name, version, sha256, tensors, content, manifest });
    if (gone.size > REMEMBERED) gone.delete(gone.keys().next().value!);
  }

  /**
   * Whether a retired entry is unused. Once no request holds it no further rows come. After that, either a
   * row waits, or the process that took it from the queue holds the entry, or it is answered.
   */
  async function isFree(entry: Held<V>): Promise<boolean> {
    if (entry.holds > 0 || (await isAwaited(entry.version.content))) return false;
    return entry.holds === 0;
  }

  async function releaseWhenFree(content: string, entry: Held<V>): Promise<void> {
    while (!(await isFree(entry))) {
      if (!entry.retired || held.get(content) !== entry) break;
      await pause(LOOK_MS, undefined, { ref: false });
    }
    entry.release = undefined;
    if (!entry.retired || held.get(content) !== entry) return;
    held.delete(content);
    remember(entry.version);
    await release(entry.version);
    onReleased(entry.version);
  }

  return {
    add(version) {
      const entry = held.get(version.content);
      gone.delete(version.content);
      if (!entry) {
        held.set(version.content, { version, holds: 0, retired: false });
        return;
      }
      entry.version = version;
      entry.retired = false;
    },

    get: (content) => held.get(content)?.version,

    hold(content) {
      const entry = held.get(content);
      if (!entry) return undefined;
      entry.holds += 1;
      let holding = true;
      return {
        version: entry.version,
        letGo() {
          if (!holding) return;
          holding = false;
          entry.holds -= 1;
        },
      };
    },

    describe: (content) => held.get(content)?.version ?? gone.get(content),

    contents: () => [...held.keys()],

    async retire(content) {
      const entry = held.get(content);
      if (!entry) return;
      entry.retired = true;
      entry.release ??= releaseWhenFree(content, entry);
      await entry.release;
    },

    async close() {
      const versions = Array.from(held.values(), ({ version }) => version);
      held.clear();
      await Promise.all(versions.map(release));
    },
  };
}
