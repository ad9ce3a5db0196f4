import type { FastifyBaseLogger } from 'fastify';
import { type Keyring, openKeyring } from '../access/index.ts';
import type { Config } from '../config.ts';

/** Whether an address is reached from this machine only. */
export const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host);

/** The keys of the configured file, or undefined where no key is needed. Rejects with `InputError`. */
export async function openAccess(
  { apiKeysFile, host }: Config,
  log: FastifyBaseLogger,
): Promise<Keyring | undefined> {
  if (apiKeysFile !== undefined) {
    return openKeyring(apiKeysFile, {
      read: (callers) => log.info({ callers }, `read the keys of ${callers.length} callers`),
      failed: ({ message }) => log.error(`the keys that were read last stay in force: ${message}`),
    });
  }
  if (!isLoopback(host)) {
    log.warn(`everybody who reaches ${host} may use the service: DENT_API_KEYS_FILE is not set`);
  }
  return undefined;
}
