import type { RateLimits } from './limiter.ts';

/** What a key may be used for: predictions, the model repository, the metrics. Every key may read what is served. */
export type Scope = 'predict' | 'admin' | 'metrics';

export type Priority = 1 | 2 | 3;

/** Whoever holds one of the keys of an entry of the key file. */
export interface Caller {
  /** Rows of coupled recipes, idempotency keys and kept predictions are apart by it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly limits: RateLimits;
  /** Recipes it may use; all where it is not set. */
  readonly recipes?: readonly string[];
  /** Priorities it may use; all where it is not set. */
  readonly priorities?: readonly Priority[];
  /** Of requests that name none. */
  readonly defaultPriority?: Priority;
  /** Whether it is told nothing of what models predict as they are, without adaptation. */
  readonly hidesStatic?: boolean;
}

/** Who may come in, as the HTTP room sees it. */
export interface Access {
  /** Whose key it is; undefined where it is nobody's. */
  find(key: string): Caller | undefined;
  /** Counts a request that begins now; the function says that it has ended. Throws `rate_limited`. */
  admit(caller: Caller): () => void;
  /** Counts so many images more in a request that was let in. */
  charge(caller: Caller, images: number): void;
}
