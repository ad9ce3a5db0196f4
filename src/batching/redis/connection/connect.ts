import { Cluster, Redis } from 'ioredis';
import { InputError } from '../../../errors.ts';

export type RedisClient = Redis | Cluster;

/** Where Redis is, as its URL says. */
export interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** The server, the sentinels, or some nodes of the cluster. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Sentinel: the name of the master, and the sentinels' own password. */
  readonly master?: string;
  readonly sentinelPassword?: string;
}

const FORM =
  /^(?<scheme>rediss?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^:@]*)(?::(?<password>[^@]*))?@)?(?<hosts>[^/?#]+)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const DEFAULT_PORT = { single: 6379, sentinel: 26_379, cluster: 6379 };

function parseHost(text: string, defaultPort: number): { host: string; port: number } {
  const { hostname, port } = new URL(`redis://${text}`);
  if (hostname === '') throw new TypeError('no host');
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? defaultPort : Number(port) };
}

/**
 * Reads `redis://[user:password@]host[:port][/db]`,
 * `redis+sentinel://[user:password@]host[:port],…/master[/db]` with `?sentinelPassword=…`, or
 * `redis+cluster://[user:password@]host[:port],…`; `rediss` for TLS. Throws `InputError`, which never holds
 * the password.
 */
export function parseRedisUrl(url: string): RedisAddress {
  try {
    const { scheme, kind = 'single', user, password, hosts, path = '', query } = FORM.exec(url)!.groups!;
    const of = kind as RedisAddress['kind'];
    const parts = path.split('/').filter((part) => part !== '');
    if (of === 'sentinel' && parts.length === 0) throw new TypeError('no master');
    const master = of === 'sentinel' ? decodeURIComponent(parts.shift()!) : undefined;
    const db = Number(parts.shift() ?? 0);
    if (!Number.isInteger(db) || db < 0 || parts.length > 0) throw new TypeError('no database');
    const sentinelPassword = new URLSearchParams(query).get('sentinelPassword');
    return {
      kind: of,
      hosts: hosts!.split(',').map((host) => parseHost(host, DEFAULT_PORT[of])),
      tls: scheme === 'rediss',
      ...(user && { username: decodeURIComponent(user) }),
      ...(password && { password: decodeURIComponent(password) }),
      db,
      ...(master !== undefined && { master }),
      ...(sentinelPassword !== null && { sentinelPassword }),
    };
  } catch {
    throw new InputError(
      'The Redis URL must look like redis://[user:password@]host[:port][/db], or begin with rediss, redis+sentinel or redis+cluster.',
    );
  }
}

export interface RedisSettings {
  readonly url: string;
  /** What the name of every key begins with, in the braces that keep them together in a cluster. */
  readonly prefix: string;
}

/** The beginning of every key. A prefix with a hash tag of its own keeps it. */
export const keyBase = (prefix: string): string => (/\{[^}]+\}/.test(prefix) ? `${prefix}:` : `{${prefix}}:`);

/** Where Redis is, for messages. */
export const describeAddress = ({ hosts }: RedisAddress): string =>
  hosts.map(({ host, port }) => `${host}:${port}`).join(', ');

/**
 * Fails at once instead of waiting or repeating. The caller must find out whether a command ran before the
 * connection was lost, and a request during an outage gets its error during the outage.
 */
const FAIL_FAST = {
  autoResendUnfulfilledCommands: false,
  // Not null: with null, commands that are not repeated would never settle.
  maxRetriesPerRequest: 0,
} as const;

const CONNECT_TIMEOUT_MS = 5_000;
const retryStrategy = (attempt: number): number => Math.min(25 * 2 ** attempt, 1_000);

export interface ConnectOptions {
  /** A command without an answer after this time fails, and a server that is silent for this long is left. */
  readonly timeoutMs: number;
  /** The connection waits in blocking commands, which may take longer than others. */
  readonly blocking?: boolean;
}

/** Opens a connection that comes back by itself after every loss. It is ready when its status says so. */
export function connect(address: RedisAddress, { timeoutMs, blocking = false }: ConnectOptions): RedisClient {
  const { kind, hosts, tls, username, password, db, master, sentinelPassword } = address;
  const common = {
    ...FAIL_FAST,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(blocking ? { socketTimeout: timeoutMs } : { commandTimeout: timeoutMs }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    // After a failover the old master may answer for a while, but only for reading.
    reconnectOnError: (error: Error): boolean => error.message.startsWith('READONLY'),
  };
  if (kind === 'cluster') {
    return new Cluster([...hosts], {
      enableOfflineQueue: false,
      clusterRetryStrategy: retryStrategy,
      redisOptions: common,
    });
  }
  const single = { ...common, enableOfflineQueue: false, db, retryStrategy };
  if (kind === 'single') return new Redis({ ...single, ...hosts[0]! });
  return new Redis({
    ...single,
    sentinels: [...hosts],
    name: master!,
    enableTLSForSentinelMode: tls,
    ...(tls && { sentinelTLS: {} }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
  });
}

/** Closes without waiting for a server that may not answer. */
export async function disconnect(client: RedisClient): Promise<void> {
  if (client.status === 'end') return;
  // Between two attempts there is no socket whose end would be reported.
  const ended =
    client.status !== 'reconnecting' && new Promise<void>((resolve) => client.once('end', () => resolve()));
  client.disconnect();
  await ended;
}
