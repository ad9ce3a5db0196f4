import type { KeptResult } from './batch-queue.ts';

/** Outcomes in the memory of one process, each for its own time. */
export interface KeptResults {
  set(id: string, result: KeptResult, keepMs: number): void;
  get(id: string): KeptResult | undefined;
  delete(id: string): void;
}

/** Holds at most `limit` outcomes: the oldest are forgotten first, and all when their time is over. */
export function createKeptResults(limit: number): KeptResults {
  const entries = new Map<string, { result: KeptResult; untilMs: number }>();
  return {
    set(id, result, keepMs) {
      entries.delete(id);
      if (entries.size >= limit) entries.delete(entries.keys().next().value!);
      entries.set(id, { result, untilMs: performance.now() + keepMs });
    },
    get(id) {
      const entry = entries.get(id);
      if (entry && entry.untilMs <= performance.now()) entries.delete(id);
      else if (entry) return entry.result;
      return undefined;
    },
    delete: (id) => void entries.delete(id),
  };
}
