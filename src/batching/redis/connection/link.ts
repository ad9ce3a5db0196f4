import { Cluster } from 'ioredis';
import { ServiceError } from '../../../errors.ts';
import type { RedisClient } from './connect.ts';
import { type Refusals, refusedCommand } from './refusals.ts';

/** How often to test a connection that looks fine. */
const PROBE_MS = 1_000;
/** A server that is silent for this long counts as gone: what we sent to it now would fail in the end. */
const SILENT_MS = 2_000;

/** Hears of faults that fail no call, for the log. `doing` names the activity. */
export type OnFault = (error: unknown, doing: string) => void;

/** The known state of the connection to Redis. */
export interface Link {
  /** Whether commands can be sent now. */
  isUp(): boolean;
  /** Empty where the queue can be used; otherwise why not, one sentence each. */
  unreadyReasons(): readonly string[];
}

export interface LinkOptions {
  /** Which Redis it is, for messages. */
  readonly name: string;
  readonly onFault: OnFault;
  /** Commands can be sent, for the first time or again. */
  readonly onUp: () => void;
  /** Resolves when the server that has the queue's keys has answered. */
  readonly probe: () => Promise<unknown>;
  readonly refusals: Refusals;
  /** Tries every right that the queue needs. */
  readonly checkRights: () => Promise<void>;
}

const POLICY = /^maxmemory_policy:(\S+)/m;
const IS_REPLICA = /^role:slave/m;

/**
 * Whether Redis said so. Other errors are those of a connection that ends, which is reported as such or
 * meant.
 */
const isAnswer = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';

/** The eviction policy; of a cluster, that of a node that may evict if there is one. */
async function askPolicy(client: RedisClient): Promise<string | undefined> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  const policies = await Promise.all(nodes.map(async (node) => POLICY.exec(await node.info('memory'))?.[1]));
  return policies.find((policy) => policy !== 'noeviction') ?? policies[0];
}

/** Whether it takes no writes. Each master of a cluster is found by its slots. */
async function askIsReplica(client: RedisClient): Promise<boolean> {
  return !(client instanceof Cluster) && IS_REPLICA.test(await client.info('replication'));
}

/**
 * Watches a client. Reports the first error of each outage. Asks now and then for the eviction policy,
 * whether the server is a master, and whether it still answers at all: a stuck one closes no connection.
 */
export function watchLink(client: RedisClient, options: LinkOptions): Link {
  const { name, onFault, onUp, probe, refusals, checkRights } = options;
  let policy: string | undefined;
  let isReplica = false;
  let reported = false;
  let silent = false;
  let probing = false;
  const isConnected = (): boolean => client.status === 'ready';
  const isUp = (): boolean => isConnected() && !silent && !isReplica;

  function report(error: unknown): void {
    isReplica = false;
    if (!reported) onFault(error, `connecting to Redis at ${name}`);
    reported = true;
  }

  async function learnServer(): Promise<void> {
    try {
      const wasReplica = isReplica;
      [policy, isReplica] = await Promise.all([askPolicy(client), askIsReplica(client)]);
      if (wasReplica && !isReplica) canWrite();
    } catch (error) {
      if (isAnswer(error) && !refusedCommand(error)) onFault(error, 'asking Redis what it is');
    }
  }

  function learnRights(): void {
    checkRights().catch((error) => {
      if (isAnswer(error) && !refusedCommand(error)) onFault(error, 'asking Redis for its rights');
    });
  }

  function canWrite(): void {
    learnRights();
    onUp();
  }

  function up(): void {
    reported = false;
    silent = false;
    void learnServer();
    if (!isReplica) canWrite();
  }

  function fallSilent(error: unknown): void {
    if (!isConnected()) return;
    silent = true;
    report(error);
  }

  async function tryServer(): Promise<void> {
    if (!isConnected() || probing) return;
    probing = true;
    const timer = setTimeout(() => fallSilent(new Error('Redis does not answer.')), SILENT_MS);
    try {
      await probe();
      if (silent) up();
      else await learnServer();
      // The name may lead to another server by now, the master.
      if (isReplica) client.disconnect(true);
    } catch (error) {
      if (!refusedCommand(error)) fallSilent(error);
    }
    if (refusals.any()) learnRights();
    clearTimeout(timer);
    probing = false;
  }

  // A client that is closed between two attempts to connect does not report its end.
  const trying = setInterval(tryServer, PROBE_MS).unref();
  client.once('end', () => clearInterval(trying));
  client.on('error', report);
  client.on('ready', up);

  return {
    isUp,
    unreadyReasons() {
      if (isReplica) return [`Redis at ${name} is a replica, which takes no writes; name its master.`];
      if (!isConnected()) return [`Redis at ${name} cannot be reached.`];
      if (silent) return [`Redis at ${name} does not answer.`];
      if (refusals.any()) return refusals.reasons();
      if (policy === undefined) return [`Redis at ${name} has not said yet whether it evicts data.`];
      if (policy === 'noeviction') return [];
      return [`Redis at ${name} may evict what waits: its maxmemory-policy is ${policy}, not noeviction.`];
    },
  };
}

/** The failure of any call that needs Redis while it does not answer. */
export const unavailable = (cause: unknown): ServiceError =>
  new ServiceError('queue_unavailable', 'The queue cannot be reached.', { retryAfterSeconds: 1, cause });
