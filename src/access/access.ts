import type { RateLimits } from './limiter.ts';

/**
 * What a key may be used for: predictions, the model repository, the metrics. Every key may read what is
 * served.
 */
export type Scope = 'predict' | 'admin' | 'metrics';

export type Priority = 1 | 2 | 3;

/** The holder of one of the keys of an entry of the key file. */
export interface Caller {
  /** Rows of coupled recipes, idempotency keys and kept predictions of different names are kept apart. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly limits: RateLimits;
  /** Recipes it may use; all where it is not set. */
  readonly recipes?: readonly string[];
  /** Priorities it may use; all where it is not set. */
  readonly priorities?: readonly Priority[];
  /** For requests that name no priority. */
  readonly defaultPriority?: Priority;
  /** Whether answers hide what models predict without adaptation. */
  readonly hidesStatic?: boolean;
}

/** Who may come in, as the HTTP room needs to know it. */
export interface Access {
  /** The caller whose key it is; undefined for an unknown key. */
  find(key: string): Caller | undefined;
  /**
   * Counts a request that begins now. Call the returned function when it ends. Throws `rate_limited`, or
   * rejects with it where the counts are in another process.
   */
  admit(caller: Caller): (() => void) | Promise<() => void>;
  /** Counts this many more images in a request that was let in. */
  charge(caller: Caller, images: number): void;
}
