import { ServiceError } from '../errors.ts';

/** How much a caller may ask for. Limits that are not set do not apply. */
export interface RateLimits {
  readonly rate?: {
    /** Images that become possible again each second. A request without an image counts as one. */
    readonly perSecond: number;
    /** Images that may come at once after a pause. */
    readonly burst: number;
  };
  /** Requests under way at a time. */
  readonly concurrency?: number;
}

export interface Limiter {
  /**
   * Counts a request that begins now. Call the returned function when it ends. Throws `rate_limited`, or
   * rejects with it where the counts are in another process.
   */
  enter(name: string, limits: RateLimits): (() => void) | Promise<() => void>;
  /**
   * Counts this many more images in a request that was let in. It is never refused for them: a request with
   * more images than a burst could otherwise never come in. The caller's next request waits longer instead.
   */
  charge(name: string, limits: RateLimits, images: number): void;
  /** Forgets all but these names. */
  keep(names: ReadonlySet<string>): void;
}

/** The counts are in this process. */
export interface LocalLimiter extends Limiter {
  enter(name: string, limits: RateLimits): () => void;
}

interface Usage {
  /** When the burst is whole again, milliseconds of `performance.now()`. */
  fullAtMs: number;
  underWay: number;
}

/** Nobody can say when a place becomes free, but a prediction rarely takes longer. */
const BUSY_RETRY_SECONDS = 1;

/**
 * A token bucket for each name, stored as one time (the generic cell rate algorithm). The libraries for this
 * count in fixed windows, which let through twice the rate where two windows meet. Names come from the key
 * file, so there are few.
 */
export function createLimiter(): LocalLimiter {
  const usages = new Map<string, Usage>();

  function usageOf(name: string): Usage {
    const known = usages.get(name);
    if (known !== undefined) return known;
    const usage = { fullAtMs: 0, underWay: 0 };
    usages.set(name, usage);
    return usage;
  }

  return {
    enter(name, { rate, concurrency = Number.POSITIVE_INFINITY }) {
      const usage = usageOf(name);
      if (usage.underWay >= concurrency) {
        throw new ServiceError(
          'rate_limited',
          `The key "${name}" has ${usage.underWay} requests under way, which is all it may have.`,
          { retryAfterSeconds: BUSY_RETRY_SECONDS },
        );
      }
      if (rate !== undefined) usage.fullAtMs = spend(name, usage.fullAtMs, rate);
      usage.underWay += 1;
      let ended = false;
      return () => {
        if (!ended) usage.underWay -= 1;
        ended = true;
      };
    },

    charge(name, { rate }, images) {
      if (rate === undefined) return;
      const usage = usageOf(name);
      usage.fullAtMs = Math.max(usage.fullAtMs, performance.now()) + (images * 1000) / rate.perSecond;
    },

    keep(names) {
      for (const name of usages.keys()) if (!names.has(name)) usages.delete(name);
    },
  };
}

/** When the burst is whole again after one more request. Throws `rate_limited` where the burst is used up. */
function spend(
  name: string,
  fullAtMs: number,
  { perSecond, burst }: { readonly perSecond: number; readonly burst: number },
): number {
  const now = performance.now();
  const intervalMs = 1000 / perSecond;
  const nextMs = Math.max(fullAtMs, now) + intervalMs;
  const waitMs = nextMs - now - burst * intervalMs;
  // Rounding makes sums of intervals slightly wrong.
  if (waitMs < 1e-6 * intervalMs) return nextMs;
  throw new ServiceError(
    'rate_limited',
    `The key "${name}" may send ${perSecond} images or requests a second.`,
    {
      retryAfterSeconds: waitMs / 1000,
    },
  );
}
