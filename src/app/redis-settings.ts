import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';
import { InputError } from '../errors.ts';

/** Where the queue is. Throws `InputError` where nobody has said. */
export function redisSettings({ redisUrl, redisPrefix }: Config): { url: string; prefix: string } {
  if (redisUrl !== undefined) return { url: redisUrl, prefix: redisPrefix };
  throw new InputError('The queue needs the address of a Redis server: --redis-url, or DENT_REDIS_URL.');
}

/** Of a fault that lasts, more than one line in this time is of use only to those who look for it. */
const REPEAT_MS = 30_000;

/**
 * Logs faults of the queue, those that repeat themselves at debug level. Of an error only what is written here: those of the Redis client hold the command that failed,
 * which may be the password, or pixels.
 */
export function logQueueFaults(log: FastifyBaseLogger): (error: unknown, doing: string) => void {
  const loggedMs = new Map<string, number>();
  return (error, doing) => {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const now = performance.now();
    const repeats = now - (loggedMs.get(doing) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS;
    if (!repeats) loggedMs.set(doing, now);
    log[repeats ? 'debug' : 'warn']({ fault: stack ?? message }, `a fault of the queue while ${doing}`);
  };
}
