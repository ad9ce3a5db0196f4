import type { FastifyBaseLogger } from 'fastify';
import { type Keyring, type Limiter, openKeyring } from '../access/index.ts';
import type { Config } from '../config.ts';
import type { InputError } from '../errors.ts';

/** Whether an address is reached from this machine only. */
export const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host);

/** Warns where everybody may come in from everywhere. */
export function warnWhereOpen({ apiKeysFile, host }: Config, log: FastifyBaseLogger): void {
  if (apiKeysFile !== undefined || isLoopback(host)) return;
  log.warn(`everybody who reaches ${host} may use the service: DENT_API_KEYS_FILE is not set`);
}

/**
 * The keys of the configured file, or undefined where no key is needed. Their requests are counted by
 * `limiter`, which is this process's own where it is not set. Rejects with `InputError`.
 */
export async function openAccess(
  { apiKeysFile }: Config,
  log: FastifyBaseLogger,
  limiter?: Limiter,
): Promise<Keyring | undefined> {
  if (apiKeysFile === undefined) return undefined;
  const observer = {
    read: (callers: readonly string[]) => log.info({ callers }, `read the keys of ${callers.length} callers`),
    failed: ({ message }: InputError) => log.error(`the keys that were read last stay in force: ${message}`),
  };
  return openKeyring(apiKeysFile, observer, limiter);
}
