import { once } from 'node:events';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  eventually,
  LIMITS,
  LOCK_MS,
  newPlace,
  openConsumer,
  openProducer,
  startProcess,
  startWorkerProcess,
  untilUp,
} from '../../../test/fixtures/redis/queue.ts';
import { type RedisServer, startRedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import type { ServiceError } from '../../errors.ts';
import type { Delivery } from '../batch-queue.ts';
import {
  answerOf,
  idsOf,
  lane,
  makeRequests,
  pause,
  request,
  startWorker,
} from '../contract/fixtures.contract.ts';
import { createWorkerStore } from './worker/worker-store.ts';

/** Longer than any process of a busy machine takes to start and be missed. */
const PATIENCE_MS = 20_000;

async function ownServer(...settings: string[]): Promise<RedisServer> {
  const server = await startRedisServer(settings);
  onTestFinished(() => server.stop());
  return server;
}

/** Ends the connection on which a producer waits for replies; it comes back. */
async function killReader({ client }: RedisServer): Promise<void> {
  await eventually(async () => {
    const [id] = /(?<=^id=)\d+(?=.*cmd=blpop)/m.exec(String(await client.client('LIST'))) ?? [];
    expect(id).toBeDefined();
    await client.client('KILL', 'ID', id!);
  });
}

const outcomesOf = (deliveries: readonly Promise<Delivery>[]) =>
  Promise.all(
    deliveries.map((each) =>
      each.then(
        ({ answer }) => answer,
        (error: ServiceError) => error.code,
      ),
    ),
  );

describe('a worker that is killed', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server?.stop());

  test('has its batch run by another, and every caller gets one answer', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const doomed = startWorkerProcess(place, { runMs: 60_000 });
    const requests = makeRequests(7, { timeoutMs: PATIENCE_MS });
    const deliveries = requests.map((each) => producer.submit(each));
    const [started] = await once(doomed, 'message');
    expect(started).toEqual(requests.slice(0, 4).map(({ id }) => id));
    doomed.kill('SIGKILL');
    const worker = startWorker(await openConsumer(place));
    expect(await outcomesOf(deliveries)).toEqual(requests.map(answerOf));
    expect(worker.batches.map(idsOf)).toContainEqual(started);
    expect(worker.batches.flatMap(idsOf)).toHaveLength(7);
  });

  test('again and again by one row is freed of it: the others are answered, and it is set aside', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place, { limits: { maxBatchSize: 16 } });
    // Six workers start one after the other, and each is missed when it is dead.
    const requests = makeRequests(16, { timeoutMs: 100_000 });
    const poison = requests[5]!;
    let kills = 0;
    let done = false;
    const respawn = (): void => {
      startWorkerProcess(place, { poison: poison.id }).on('exit', () => {
        kills += 1;
        if (!done) respawn();
      });
    };
    respawn();
    onTestFinished(() => {
      done = true;
    });
    const outcomes = await outcomesOf(requests.map((each) => producer.submit(each)));
    expect(outcomes.splice(5, 1)).toEqual(['internal']);
    expect(outcomes).toEqual(requests.filter((each) => each !== poison).map(answerOf));
    // Twice as a whole, and once in each of the halves of 8, 4, 2 and 1. A worker that was only slow counts
    // as killed.
    expect(kills).toBeLessThanOrEqual(6);

    const jobs = new Queue('digits-1', {
      connection: { url: server.url },
      prefix: `{${place.redis.prefix}}:jobs`,
    });
    onTestFinished(() => jobs.close());
    const [dead, ...others] = await eventually(async () => {
      const failed = await jobs.getFailed();
      expect(failed).toHaveLength(1);
      return failed;
    });
    expect(others).toEqual([]);
    const pixels = Buffer.from(poison.row.data.buffer).toString('base64');
    expect(dead!.data).toEqual({
      rows: [{ id: poison.id, lane: expect.stringContaining('digits'), type: 'float32', pixels }],
    });
  });

  test('while it held a batch ready leaves that batch innocent', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const doomed = startWorkerProcess(place, { runMs: 60_000 });
    const requests = makeRequests(16, { timeoutMs: PATIENCE_MS });
    const deliveries = requests.map((each) => producer.submit(each));
    // One runs, one is held ready, two wait.
    await eventually(async () => expect(await producer.status()).toMatchObject([{ depth: 8 }]));
    const claimed = await server.client.keys(`{${place.redis.prefix}}:batch:*`);
    await eventually(async () => {
      const runs = await Promise.all(claimed.map((key) => server.client.hget(key, 'runs')));
      expect(runs.toSorted()).toEqual(['0', '1']);
    });
    doomed.kill('SIGKILL');
    const worker = startWorker(await openConsumer(place));
    expect(await outcomesOf(deliveries)).toEqual(requests.map(answerOf));
    expect(worker.batches.map(({ rows }) => rows.length)).toEqual([4, 4, 4, 4]);
  });
});

test('an API process that is killed takes its rows along, and nobody else is harmed', async () => {
  const server = await ownServer();
  const place = newPlace(server);
  const producer = await openProducer(place, { limits: { maxDelayMs: 500 } });
  const ids = ['dead-1', 'dead-2'];
  const doomed = startProcess('producer.mjs', {
    redis: place.redis,
    limits: { ...LIMITS, maxDelayMs: 500 },
    lane: lane(),
    ids,
  });
  await once(doomed, 'message');
  doomed.kill('SIGKILL');
  const requests = makeRequests(2);
  const deliveries = requests.map((each) => producer.submit(each));
  const worker = startWorker(await openConsumer(place));
  expect(await outcomesOf(deliveries)).toEqual(requests.map(answerOf));
  expect(worker.batches.map(idsOf)).toEqual([[...ids, ...requests.map(({ id }) => id)]]);
  const [orphaned] = await server.client.keys('*reply:*');
  expect(await server.client.pttl(orphaned!)).toBeGreaterThan(0);
});

describe('Redis', () => {
  test('that is killed and comes back with what it had: every post is answered, or refused in time', async () => {
    const server = await ownServer('--appendonly', 'yes');
    const place = newPlace(server);
    const producer = await openProducer(place, { limits: { maxBatchSize: 8 } });
    const worker = await openConsumer(place);
    worker.consume(
      async ({ rows }) => {
        await pause(20);
        return rows.map(answerOf);
      },
      { concurrency: 1 },
    );
    const before = makeRequests(200, { timeoutMs: PATIENCE_MS });
    const accepted = outcomesOf(before.map((each) => producer.submit(each)));
    await eventually(async () => expect((await producer.status())[0]?.depth).toBeLessThan(150));
    await server.kill();
    const startMs = performance.now();
    expect(await outcomesOf(makeRequests(10).map((each) => producer.submit(each)))).toEqual(
      Array(10).fill('queue_unavailable'),
    );
    // "At once" is far below the rows' patience, even on a busy machine.
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await eventually(() => {
      expect(producer.unreadyReasons()).toEqual([`Redis at 127.0.0.1:${server.port} cannot be reached.`]);
      expect(worker.isUp()).toBe(false);
    });
    await pause(600);
    await server.restart();
    expect(await accepted).toEqual(before.map(answerOf));
    await eventually(() => expect([producer.isUp(), worker.isUp()]).toEqual([true, true]));
    expect(producer.unreadyReasons()).toEqual([]);
    const after = makeRequests(20);
    expect(await outcomesOf(after.map((each) => producer.submit(each)))).toEqual(after.map(answerOf));
  });

  test('that comes back with nothing: what it has lost is refused at once, not at its deadline', async () => {
    const server = await ownServer();
    const place = newPlace(server);
    const producer = await openProducer(place);
    const outcomes = outcomesOf(makeRequests(3, { timeoutMs: 60_000 }).map((each) => producer.submit(each)));
    await eventually(async () => expect(await producer.status()).toMatchObject([{ depth: 3 }]));
    await server.kill();
    await server.restart();
    expect(await outcomes).toEqual(Array(3).fill('queue_unavailable'));
    startWorker(await openConsumer(place));
    const next = request();
    await eventually(() => expect(producer.isUp()).toBe(true));
    expect((await producer.submit(next)).answer).toEqual(answerOf(next));
  });

  test('that is emptied while everybody is connected: what waited is refused long before its deadline', async () => {
    const server = await ownServer();
    const place = newPlace(server);
    const producer = await openProducer(place);
    const outcomes = outcomesOf(makeRequests(3, { timeoutMs: 60_000 }).map((each) => producer.submit(each)));
    await eventually(async () => expect(await producer.status()).toMatchObject([{ depth: 3 }]));
    await server.client.flushall();
    expect(await outcomes).toEqual(Array(3).fill('queue_unavailable'));
    startWorker(await openConsumer(place));
    const next = request();
    expect((await producer.submit(next)).answer).toEqual(answerOf(next));
  });

  test('that forgets its scripts, is emptied, or drops everybody is used on as before', async () => {
    const server = await ownServer();
    const place = newPlace(server);
    const producer = await openProducer(place);
    const consumer = await openConsumer(place);
    startWorker(consumer);
    const expectAnswers = async (): Promise<void> => {
      const requests = makeRequests(10);
      expect(await outcomesOf(requests.map((each) => producer.submit(each)))).toEqual(requests.map(answerOf));
    };
    await expectAnswers();
    await server.client.script('FLUSH');
    await expectAnswers();
    await server.client.flushall();
    await expectAnswers();
    await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await server.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await pause(20);
    await Promise.all([producer, consumer].map(untilUp));
    await expectAnswers();
  });

  test('that loses a reply still has the answer', async () => {
    const server = await ownServer();
    const place = newPlace(server);
    const producer = await openProducer(place);
    const worker = startWorker(await openConsumer(place), { held: true });
    const sent = request({ timeoutMs: 60_000 });
    const delivery = producer.submit(sent);
    await eventually(() => expect(worker.batches).toHaveLength(1));
    // Nobody reads while the reply arrives, and then it is gone.
    await server.client.acl('SETUSER', 'default', '-blpop');
    await killReader(server);
    worker.release();
    await eventually(async () => expect(await server.client.keys(`*result:${sent.id}`)).toHaveLength(1));
    expect(await server.client.del(...(await server.client.keys('*reply:*')))).toBe(1);
    await server.client.acl('SETUSER', 'default', '+blpop');
    await killReader(server);
    expect((await delivery).answer).toEqual(answerOf(sent));
  });

  test('that is not there when a process starts is waited for, and refused for until then', async () => {
    const server = await ownServer();
    await server.kill();
    const place = newPlace(server);
    const producer = await openProducer(place, { wait: false });
    const consumer = await openConsumer(place, { wait: false });
    startWorker(consumer);
    await pause(100);
    const failure = expect.objectContaining({ code: 'queue_unavailable', retryAfterSeconds: 1 });
    await expect(producer.submit(request())).rejects.toEqual(failure);
    await expect(producer.enqueue({ ...request(), keep: { ms: 1, memo: '' } })).rejects.toEqual(failure);
    await expect(producer.status()).rejects.toEqual(failure);
    await expect(producer.result('some-id')).rejects.toEqual(failure);
    expect(place.faults.map(({ doing }) => doing)).toEqual(
      Array(2).fill(`connecting to Redis at 127.0.0.1:${server.port}`),
    );
    await server.restart();
    await eventually(() => expect([producer.isUp(), consumer.isUp()]).toEqual([true, true]));
    const sent = request();
    expect((await producer.submit(sent)).answer).toEqual(answerOf(sent));
  });

  test('that is stuck is as good as none, and nobody has to be restarted', async () => {
    const server = await ownServer();
    const place = newPlace(server);
    const producer = await openProducer(place);
    startWorker(await openConsumer(place));
    process.kill(server.pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(server.pid, 'SIGCONT'));
    await expect(producer.submit(request({ timeoutMs: 60_000 }))).rejects.toMatchObject({
      code: 'queue_unavailable',
    });
    await eventually(() =>
      expect(producer.unreadyReasons()).toEqual([`Redis at 127.0.0.1:${server.port} does not answer.`]),
    );
    // The next row need not find out again.
    const startMs = performance.now();
    await expect(producer.submit(request())).rejects.toMatchObject({ code: 'queue_unavailable' });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    process.kill(server.pid, 'SIGCONT');
    await untilUp(producer);
    const sent = request();
    expect((await producer.submit(sent)).answer).toEqual(answerOf(sent));
  });

  test('that goes away for good lets everybody close, in time', async () => {
    const server = await ownServer();
    const place = newPlace(server);
    const producer = await openProducer(place);
    const consumer = await openConsumer(place);
    const worker = startWorker(consumer, { held: true });
    const waiting = outcomesOf(makeRequests(5, { timeoutMs: 600 }).map((each) => producer.submit(each)));
    await eventually(() => expect(worker.batches).toHaveLength(1));
    await server.kill();
    worker.release();
    const startMs = performance.now();
    await Promise.all([producer.close(), consumer.close()]);
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect(await waiting).toEqual(Array(5).fill('timeout'));
  });
});

test('a batch whose worker died before it had a job is given one', async () => {
  const server = await ownServer();
  const place = newPlace(server);
  const producer = await openProducer(place);
  const consumer = await openConsumer(place);
  const requests = makeRequests(4, { timeoutMs: PATIENCE_MS });
  const deliveries = requests.map((each) => producer.submit(each));
  await eventually(async () => expect(await producer.status()).toMatchObject([{ depth: 4 }]));
  const store = createWorkerStore(server.client, `{${place.redis.prefix}}:`);
  expect(await store.claim('orphan', ['digits-1'], false)).toMatchObject({ content: 'digits-1' });
  const startMs = performance.now();
  const worker = startWorker(consumer);
  expect(await outcomesOf(deliveries)).toEqual(requests.map(answerOf));
  expect(worker.batches.map(({ id }) => id)).toEqual(['orphan']);
  expect(performance.now() - startMs).toBeLessThan(6 * LOCK_MS);
});
