import { ServiceError } from '../../errors.ts';
import type { RedisClient } from './connection.ts';

/** Told of what goes wrong without failing a call: for the log. `doing` names what was being done. */
export type OnFault = (error: unknown, doing: string) => void;

/** What is known of the connection to Redis. */
export interface Link {
  /** Whether commands can be sent now. */
  isUp(): boolean;
  /** Empty where the queue can be used; otherwise why not, one sentence each. */
  unreadyReasons(): readonly string[];
}

const POLICY = /^maxmemory_policy:(\S+)/m;

/**
 * Watches a client: reports the first error of each outage, asks for the eviction policy after each connect, and then calls
 * `onUp`. `name` says which Redis it is.
 */
export function watchLink(client: RedisClient, name: string, onFault: OnFault, onUp: () => void): Link {
  let policy: string | undefined;
  let reported = false;
  const isUp = (): boolean => client.status === 'ready';

  async function askPolicy(): Promise<void> {
    policy = POLICY.exec(await client.info('memory'))?.[1];
  }

  client.on('error', (error: unknown) => {
    if (!reported) onFault(error, `connecting to Redis at ${name}`);
    reported = true;
  });
  client.on('ready', () => {
    reported = false;
    askPolicy().catch((error) => {
      if (isUp()) onFault(error, 'asking Redis for its eviction policy');
    });
    onUp();
  });

  return {
    isUp,
    unreadyReasons() {
      if (!isUp()) return [`Redis at ${name} cannot be reached.`];
      if (policy === undefined) return [`Redis at ${name} has not said yet whether it evicts data.`];
      if (policy === 'noeviction') return [];
      return [`Redis at ${name} may evict what waits: its maxmemory-policy is ${policy}, not noeviction.`];
    },
  };
}

/** The failure of whatever needs Redis while it does not answer. */
export const unavailable = (cause: unknown): ServiceError =>
  new ServiceError('queue_unavailable', 'The queue cannot be reached.', { retryAfterSeconds: 1, cause });
