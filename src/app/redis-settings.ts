import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';
import { InputError } from '../errors.ts';

/** The address and prefix of the queue. Throws `InputError` where they are not set. */
export function redisSettings({ redisUrl, redisPrefix }: Config): { url: string; prefix: string } {
  if (redisUrl !== undefined) return { url: redisUrl, prefix: redisPrefix };
  throw new InputError('The queue needs the address of a Redis server: --redis-url, or DENT_REDIS_URL.');
}

/** Of a fault that lasts, one line in this time is enough. The others are logged at debug level. */
const REPEAT_MS = 30_000;

/** A fault of the network has a code and no story. The stack of any other leads to the place. */
const wordsOf = ({ message, stack, code }: NodeJS.ErrnoException): string =>
  code === undefined ? (stack ?? message) : message || code;

/**
 * Logs faults of the queue; repeated ones at debug level. Logs only the parts of an error that are named
 * here: errors of the Redis client hold the command that failed, which may contain the password, or pixels.
 */
export function logQueueFaults(log: FastifyBaseLogger): (error: unknown, doing: string) => void {
  const loggedMs = new Map<string, number>();
  return (error, doing) => {
    const fault = error instanceof Error ? error : new Error(String(error));
    const now = performance.now();
    const repeats = now - (loggedMs.get(doing) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS;
    if (!repeats) loggedMs.set(doing, now);
    log[repeats ? 'debug' : 'warn']({ fault: wordsOf(fault) }, `a fault of the queue while ${doing}`);
  };
}
