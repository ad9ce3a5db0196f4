import { prepareScripts } from '../scripts.ts';
import { connect, describeAddress, keyBase, parseRedisUrl, type RedisSettings } from './connect.ts';
import type { OnFault } from './link.ts';
import { createRefusals } from './refusals.ts';
import { createRightsCheck } from './rights.ts';

export interface OpenClientOptions {
  readonly redis: RedisSettings;
  readonly onFault: OnFault;
  /** A slower command has met a stuck server, which counts as gone. */
  readonly timeoutMs: number;
  /** Whether its scripts also run when Redis has no memory left, because they free some in the end. */
  readonly evenWhenFull: boolean;
}

/**
 * The connection on which a side of the queue sends its commands, and what both sides know of it. Throws
 * `InputError` where the URL is invalid.
 */
export function openClient({ redis, onFault, timeoutMs, evenWhenFull }: OpenClientOptions) {
  const address = parseRedisUrl(redis.url);
  const base = keyBase(redis.prefix);
  const name = describeAddress(address);
  const client = connect(address, { timeoutMs });
  const refusals = createRefusals({ name, base, onFault });
  refusals.watch(client);
  prepareScripts(client, { evenWhenFull });
  return { address, base, name, client, refusals, checkRights: createRightsCheck(client, base, refusals) };
}
