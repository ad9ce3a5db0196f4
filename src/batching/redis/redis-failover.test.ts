import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import {
  eventually,
  newPlace,
  openConsumer,
  openProducer,
  type Place,
  untilUp,
} from '../../../test/fixtures/redis/queue.ts';
import { freePort, ownRedisServer, type RedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import type { ServiceError } from '../../errors.ts';
import { answerOf, makeRequests, pause, request, startWorker } from '../contract/fixtures.contract.ts';

/** A failover takes three seconds here; the rest is for a busy machine. */
const TEST_MS = 60_000;

interface Sentinel {
  readonly port: number;
  readonly client: Redis;
}

/** Watches the master at `port` under the name `main`; two sentinels decide. */
async function startSentinel(masterPort: number): Promise<Sentinel> {
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'));
  const port = await freePort();
  const settings = join(folder, 'sentinel.conf');
  await writeFile(
    settings,
    [
      `port ${port}`,
      `sentinel monitor main 127.0.0.1 ${masterPort} 2`,
      'sentinel down-after-milliseconds main 1000',
      'sentinel failover-timeout main 5000',
      '',
    ].join('\n'),
  );
  const child: ChildProcess = spawn('redis-server', [settings, '--sentinel'], {
    cwd: folder,
    stdio: 'ignore',
  });
  const client = new Redis({ port, maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => {});
  onTestFinished(async () => {
    client.disconnect();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true });
  });
  return { port, client };
}

/** The results of rows that were sent all the time, in the order in which they were sent. */
interface Traffic {
  readonly codes: readonly string[];
  /** The longest time that a row took to be refused with `queue_unavailable`. */
  readonly slowestRefusalMs: number;
  stop(): Promise<void>;
}

/** Sends a row every 20 ms through a queue in `place`, with a worker. Each answer must be the row's own. */
async function startTraffic(place: Place) {
  const producer = await openProducer(place);
  const consumer = await openConsumer(place);
  startWorker(consumer);
  const codes: string[] = [];
  const traffic = { codes, slowestRefusalMs: 0 };
  let over = false;

  async function send(index: number): Promise<void> {
    const sent = request({ timeoutMs: 20_000 });
    const startMs = performance.now();
    try {
      expect((await producer.submit(sent)).answer).toEqual(answerOf(sent));
      codes[index] = 'answered';
    } catch (error) {
      codes[index] = (error as ServiceError).code ?? String(error);
      traffic.slowestRefusalMs = Math.max(traffic.slowestRefusalMs, performance.now() - startMs);
    }
  }

  async function run(): Promise<void> {
    const sending: Promise<void>[] = [];
    for (let i = 0; !over; i += 1) {
      sending.push(send(i));
      await pause(20);
    }
    await Promise.all(sending);
  }

  const running = run();
  const stop = (): Promise<void> => {
    over = true;
    return running;
  };
  onTestFinished(stop);
  return { producer, consumer, traffic: Object.assign(traffic, { stop }) satisfies Traffic };
}

/**
 * Waits until rows are answered again. Several rows: a process may take a moment to believe in the new
 * master.
 */
const untilAnswered = ({ codes }: Traffic): Promise<void> =>
  eventually(() => expect(codes.filter(Boolean).slice(-20)).toEqual(Array(20).fill('answered')));

/** Expects that every row of `traffic` was answered or refused, and that the last ones were answered. */
function expectRecovery({ codes, slowestRefusalMs }: Traffic): void {
  expect(codes.filter((code) => code !== 'answered' && code !== 'queue_unavailable')).toEqual([]);
  expect(codes.slice(-20)).toEqual(Array(20).fill('answered'));
  expect(slowestRefusalMs).toBeLessThan(10_000);
}

const untilMaster = ({ client }: RedisServer): Promise<void> =>
  eventually(async () => expect((await client.role())[0]).toBe('master'));

test(
  'three sentinels make the replica the master when that dies, and rows go on without a restart',
  async () => {
    const master = await ownRedisServer();
    const replica = await ownRedisServer('--replicaof', '127.0.0.1', `${master.port}`);
    const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(master.port)));
    for (const { client } of sentinels) {
      await eventually(async () => {
        const [found] = (await client.call('SENTINEL', 'MASTERS')) as string[][];
        const of = (name: string) => found![found!.indexOf(name) + 1];
        expect([of('num-slaves'), of('num-other-sentinels')]).toEqual(['1', '2']);
      });
    }
    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const { producer, consumer, traffic } = await startTraffic(
      newPlace({ url: `redis+sentinel://${hosts}/main` }),
    );
    await eventually(() => expect(traffic.codes.length).toBeGreaterThan(20));
    await master.kill();
    await untilMaster(replica);
    await Promise.all([producer, consumer].map(untilUp));
    await untilAnswered(traffic);
    await traffic.stop();
    expectRecovery(traffic);
  },
  TEST_MS,
);

test(
  'a cluster of three masters keeps all keys on one of them, and its replica takes over when it dies',
  async () => {
    const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'];
    const nodes = await Promise.all([0, 1, 2, 3].map(() => ownRedisServer(...settings)));
    const [first, , , replica] = nodes as [RedisServer, RedisServer, RedisServer, RedisServer];
    const masters = nodes.slice(0, 3);
    const slotsOf = (i: number): [number, number] => [
      Math.ceil((i * 16_384) / 3),
      Math.ceil(((i + 1) * 16_384) / 3) - 1,
    ];
    await Promise.all(masters.map(({ client }, i) => client.cluster('ADDSLOTSRANGE', ...slotsOf(i))));
    for (const { port } of nodes.slice(1)) await first.client.cluster('MEET', '127.0.0.1', port);
    for (const { client } of nodes) {
      await eventually(async () => {
        const info = String(await client.cluster('INFO'));
        expect(info).toContain('cluster_state:ok');
        expect(info).toContain('cluster_known_nodes:4');
      });
    }
    const slot = Number(await first.client.cluster('KEYSLOT', '{dent}:lanes'));
    const owner = masters.find((_, i) => slot <= slotsOf(i)[1])!;
    await replica.client.cluster('REPLICATE', String(await owner.client.cluster('MYID')));
    await eventually(async () =>
      expect(await replica.client.info('replication')).toContain('master_link_status:up'),
    );

    const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const place = newPlace({ url: `redis+cluster://${hosts}` }, 'dent');
    const { producer, consumer, traffic } = await startTraffic(place);
    const kept = { ...makeRequests(1)[0]!, keep: { ms: 60_000, memo: 'memo' } };
    await producer.submit(kept);
    for (const each of masters) expect((await each.client.dbsize()) > 0).toBe(each === owner);
    // Replicas follow a little later. WAIT speaks of what its own connection has written, and of all before.
    await owner.client.set('{dent}:last', '');
    expect(await owner.client.wait(1, TEST_MS)).toBe(1);
    await owner.kill();
    await untilMaster(replica);
    await Promise.all([producer, consumer].map(untilUp));
    expect(await producer.result(kept.id)).toMatchObject({ memo: 'memo', outcome: { memo: 'memo' } });
    await untilAnswered(traffic);
    await traffic.stop();
    expectRecovery(traffic);
  },
  TEST_MS,
);
