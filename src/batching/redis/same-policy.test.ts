import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import type { Lane, LaneLimits } from '../batch-queue.ts';
import { type Collector, createCollector, type WaitingRow } from '../collector.ts';
import { lane } from '../contract/fixtures.contract.ts';
import { createRandom, type Random } from '../contract/random.contract.ts';
import { laneKey } from '../lane-key.ts';
import { DEFAULT_PRIORITY } from '../policy.ts';
import { connect, keyBase, parseRedisUrl, type RedisClient } from './connection/connect.ts';
import { createProducerStore, type ProducerStore } from './producer/producer-store.ts';
import { createWorkerStore, type WorkerStore } from './worker/worker-store.ts';

const EPISODES = 40;
const EVENTS = 150;
const PRODUCER = 'producer';

let server: RedisServer;
let client: RedisClient;
/** Microseconds since the epoch, for both forms of the policy. */
let clockUs = 1_000_000_000_000_000;
const nowMs = (): number => Math.floor(clockUs / 1e6) * 1000 + (clockUs % 1e6) / 1000;

/** Has a script take the time from its last argument. Everything else in it is as in service. */
const CLOCK_FROM_ARGUMENT = `
local given = table.remove(ARGV)
local redis = setmetatable({
  call = function(command, ...)
    if command ~= 'TIME' then return redis.call(command, ...) end
    return {string.sub(given, 1, -7), string.sub(given, -6)}
  end
}, {__index = redis})
`;

function giveClock(to: RedisClient): void {
  const commands = to as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const define = to.defineCommand.bind(to);
  to.defineCommand = (name, { lua, ...definition }) => {
    define(name, { ...definition, lua: CLOCK_FROM_ARGUMENT + lua });
    for (const each of [name, `${name}Buffer`]) {
      const run = commands[each]!.bind(to);
      commands[each] = (...args) => run(...args, String(clockUs));
    }
  };
}

beforeAll(async () => {
  server = await startRedisServer();
  client = connect(parseRedisUrl(server.url), { timeoutMs: 60_000 });
  giveClock(client);
  await new Promise((resolve) => client.once('ready', resolve));
});
afterAll(async () => {
  client?.disconnect();
  await server?.stop();
});

interface Row extends WaitingRow {
  readonly id: string;
}

/** The same rows in both forms: in a collector, and in Redis. */
interface Both {
  readonly random: Random;
  readonly collector: Collector<Row>;
  /** The rows that the collector has. */
  readonly waiting: Map<string, Row>;
  readonly base: string;
  readonly producer: ProducerStore;
  readonly worker: WorkerStore;
  readonly lanes: readonly Lane[];
  readonly limits: Map<Lane, LaneLimits>;
  /** What has happened, so that a difference can be followed. */
  readonly story: string[];
  /** How often what has happened. */
  readonly seen: Map<string, number>;
}

const whole = (random: Random, from: number, to: number): number =>
  from + Math.floor(random() * (to - from + 1));
const oneOf = <T>(random: Random, some: readonly T[]): T => some[whole(random, 0, some.length - 1)]!;

const newLimits = (random: Random): LaneLimits => ({
  maxBatchSize: whole(random, 1, 6),
  maxDelayMs: oneOf(random, [0, 5, 20, 200, 5_000]),
  queueLimit: oneOf(random, [4, 12, 1_000]),
});

function openBoth(seed: number): Both {
  const random = createRandom(seed);
  const base = keyBase(randomUUID());
  const lanes = ['digits', 'letters'].flatMap((model) =>
    ['isolated', 'dent'].flatMap((recipe) =>
      ['', 'ann'].map((caller) => lane({ model, recipe, caller, version: whole(random, 1, 2) })),
    ),
  );
  return {
    random,
    collector: createCollector<Row>(),
    waiting: new Map(),
    base,
    producer: createProducerStore(client, base),
    worker: createWorkerStore(client, base),
    lanes,
    limits: new Map(lanes.map((each) => [each, newLimits(random)])),
    story: [],
    seen: new Map(),
  };
}

function note({ story, seen }: Both, what: string, detail: string): void {
  story.push(`${nowMs().toFixed(3)} ${what} ${detail}`);
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

/** Compares, and tells the latest events where there is a difference. */
const same = ({ story }: Both, inRedis: unknown, inMemory: unknown): void =>
  expect(inRedis, story.slice(-30).join('\n')).toEqual(inMemory);

/**
 * The driver in memory takes a row out at its deadline; Redis does so where there would be no room otherwise.
 */
function forgetExpired({ collector, waiting }: Both): void {
  for (const row of waiting.values()) if (row.expiresMs <= nowMs()) collector.remove(row);
}

function addToCollector(both: Both, row: Row, limits: LaneLimits): 'accepted' | 'full' {
  const { collector, waiting } = both;
  if (!collector.hasRoom(row.lane, limits)) forgetExpired(both);
  if (!collector.hasRoom(row.lane, limits)) return 'full';
  collector.add(row, limits);
  waiting.set(row.id, row);
  return 'accepted';
}

async function arrive(both: Both): Promise<void> {
  const { random, lanes, limits, producer, base } = both;
  const of = oneOf(random, lanes);
  // A manifest is reloaded now and then.
  if (random() < 0.04) limits.set(of, newLimits(random));
  const its = limits.get(of)!;
  const leftMs = random() < 0.2 ? whole(random, 1, 60) : whole(random, 500, 9_000);
  const priority = oneOf(random, [1, 2, 3, undefined] as const);
  const id = `row-${both.story.length}`;
  const row: Row = {
    id,
    lane: of,
    priority: priority ?? DEFAULT_PRIORITY,
    acceptedMs: nowMs(),
    expiresMs: nowMs() + leftMs,
  };
  // It keeps Redis from sweeping too often, and its time is that of the server.
  await client.del(`${base}swept`);
  const request = {
    id,
    lane: of,
    row: { type: 'uint8', data: Uint8Array.of(1) },
    deadlineMs: row.expiresMs,
    ...(priority && { priority }),
  } as const;
  const ticket = { limits: its, leftMs, replyTo: PRODUCER, keptLimit: 1 };
  const { state } = await producer.submit(request, ticket);
  note(
    both,
    state === 'full' ? 'refused' : state,
    `${id} ${laneKey(of)} ${priority} ${leftMs} ${JSON.stringify(its)}`,
  );
  same(both, state, addToCollector(both, row, its));
}

async function cancel(both: Both): Promise<void> {
  const { random, waiting, collector, producer } = both;
  if (waiting.size === 0) return;
  const row = oneOf(random, [...waiting.values()]);
  note(both, 'cancelled', row.id);
  collector.remove(row);
  waiting.delete(row.id);
  const request = { id: row.id, lane: row.lane, row: { type: 'uint8', data: new Uint8Array() } } as const;
  await producer.withdraw({ ...request, deadlineMs: row.expiresMs }, PRODUCER);
}

/** Takes the batch that is to start now. False where both forms say that there is none. */
async function take(both: Both, { draining = false, ahead = false } = {}): Promise<boolean> {
  const { collector, waiting, worker, lanes } = both;
  const contents = [...new Set(lanes.map(({ content }) => content))];
  const claim = await worker.claim(randomUUID(), contents, ahead);
  const inMemory = collector.take(nowMs(), draining, ahead);
  const inRedis = 'batch' in claim ? claim.batch : undefined;
  note(
    both,
    `${ahead ? 'ahead: ' : ''}${inMemory?.reason ?? 'nothing'}`,
    inMemory?.rows.map(({ id }) => id).join() ?? '',
  );
  same(
    both,
    inRedis && [
      laneKey(inRedis.lane),
      inRedis.reason,
      inRedis.rows.map(({ id, acceptedMs, deadlineMs }) => [id, acceptedMs, deadlineMs]),
    ],
    inMemory && [
      laneKey(inMemory.lane),
      inMemory.reason,
      inMemory.rows.map(({ id, acceptedMs, expiresMs }) => [id, acceptedMs, expiresMs]),
    ],
  );
  for (const { id } of inMemory?.rows ?? []) waiting.delete(id);
  const nextMs = collector.nextStartMs();
  // Redis may have rows in its books that expired, and then looks too early. It must not look too late.
  if (!ahead && 'dueInMs' in claim && nextMs !== undefined) {
    expect(claim.dueInMs, both.story.slice(-30).join('\n')).toBeLessThanOrEqual(nextMs - nowMs() + 0.001);
  }
  return inMemory !== undefined;
}

/** Compares what waits. */
async function compareDepths(both: Both): Promise<void> {
  const { producer, collector } = both;
  const { status, backlog } = await producer.survey();
  const byLane = <T extends { readonly lane: Lane }>(some: readonly T[]): [string, T][] =>
    some.map((each): [string, T] => [laneKey(each.lane), each]).sort(([a], [b]) => (a < b ? -1 : 1));
  // Redis tells ages to the thousandth.
  const inMemory = collector.status(nowMs()).map((each) => ({
    ...each,
    oldestAgeMs: expect.closeTo(each.oldestAgeMs, 2),
  }));
  same(both, byLane(status), byLane(inMemory));
  same(both, byLane(backlog.lanes), byLane(collector.depths()));
}

async function episode(seed: number): Promise<ReadonlyMap<string, number>> {
  const both = openBoth(seed);
  const { random, producer, lanes } = both;
  for (let i = 0; i < EVENTS; i += 1) {
    // Moments are distinct: Redis sets rows of one moment apart, and the collector has no need to.
    clockUs += whole(random, 2, oneOf(random, [500, 500, 5_000, 50_000, 1_000_000]));
    const draw = random();
    if (draw < 0.8) await arrive(both);
    else if (draw < 0.86) await cancel(both);
    else if (draw < 0.9) await take(both, { ahead: true });
    else if (draw < 0.95) await take(both);
    else {
      while (await take(both));
      await compareDepths(both);
    }
  }
  await producer.drain(lanes);
  while (await take(both, { draining: true }));
  await compareDepths(both);
  return both.seen;
}

test('Redis and the collector form the same batches of the same arrivals, in the same order', async () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= EPISODES; seed += 1) {
    for (const [what, times] of await episode(seed)) seen.set(what, (seen.get(what) ?? 0) + times);
  }
  // The arrivals are worth the name: all that may happen did, more than once or twice.
  for (const what of [
    'accepted',
    'refused',
    'cancelled',
    'full',
    'window',
    'drain',
    'nothing',
    'ahead: full',
    'ahead: nothing',
  ]) {
    expect(seen.get(what), what).toBeGreaterThan(20);
  }
});
