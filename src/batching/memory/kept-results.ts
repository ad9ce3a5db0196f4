import type { KeptResult } from '../batch-queue.ts';

/** Outcomes in the memory of one process, each for its own time. */
export interface KeptResults {
  set(id: string, result: KeptResult, keep: { readonly ms: number; readonly owner?: string }): void;
  get(id: string): KeptResult | undefined;
}

interface Entry {
  readonly result: KeptResult;
  readonly untilMs: number;
  readonly owner: string;
}

/**
 * Holds at most `limit` outcomes, each until its time is over. When one more comes, the owner with the most
 * loses the oldest, so that one owner's many push out no other's.
 */
export function createKeptResults(limit: number): KeptResults {
  const entries = new Map<string, Entry>();
  /** The ids of each owner, oldest first. */
  const owned = new Map<string, Set<string>>();

  function forget(id: string): void {
    const entry = entries.get(id);
    if (!entry) return;
    entries.delete(id);
    const ids = owned.get(entry.owner)!;
    ids.delete(id);
    if (ids.size === 0) owned.delete(entry.owner);
  }

  function forgetOne(): void {
    const most = [...owned.values()].reduce((a, b) => (b.size > a.size ? b : a));
    forget(most.values().next().value!);
  }

  return {
    set(id, result, { ms, owner = '' }) {
      forget(id);
      if (entries.size >= limit) forgetOne();
      entries.set(id, { result, untilMs: performance.now() + ms, owner });
      owned.set(owner, (owned.get(owner) ?? new Set()).add(id));
    },
    get(id) {
      const entry = entries.get(id);
      if (entry && entry.untilMs <= performance.now()) forget(id);
      else if (entry) return entry.result;
      return undefined;
    },
  };
}
