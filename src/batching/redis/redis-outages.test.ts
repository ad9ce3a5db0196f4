import { describe, expect, onTestFinished, test } from 'vitest';
import {
  eventually,
  newPlace,
  openConsumer,
  openProducer,
  outcomesOf,
  untilUp,
} from '../../../test/fixtures/redis/queue.ts';
import { freePort, ownRedisServer, type RedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import { answerOf, makeRequests, pause, request, startWorker } from '../contract/fixtures.contract.ts';

/** Longer than any process of a busy machine takes to start and be missed. */
const PATIENCE_MS = 20_000;

/** Ends the connection on which a producer waits for replies; it comes back. */
async function killReader({ client }: RedisServer): Promise<void> {
  await eventually(async () => {
    const [id] = /(?<=^id=)\d+(?=.*cmd=blpop)/m.exec(String(await client.client('LIST'))) ?? [];
    expect(id).toBeDefined();
    await client.client('KILL', 'ID', id!);
  });
}

describe('Redis', () => {
  test('that is killed and comes back with what it had: every post is answered, or refused in time', async () => {
    const server = await ownRedisServer('--appendonly', 'yes');
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
    const server = await ownRedisServer();
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
    const server = await ownRedisServer();
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
    const server = await ownRedisServer();
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
    const server = await ownRedisServer();
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
    const server = await ownRedisServer();
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
    const server = await ownRedisServer();
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
    const server = await ownRedisServer();
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

test('Redis that becomes a replica is said to be one, refuses, and is used again as a master', async () => {
  const server = await ownRedisServer();
  const place = newPlace(server);
  const producer = await openProducer(place);
  const consumer = await openConsumer(place);
  startWorker(consumer);
  const sent = request();
  expect((await producer.submit(sent)).answer).toEqual(answerOf(sent));
  await server.client.call('REPLICAOF', '127.0.0.1', String(await freePort()));
  const reasons = [`Redis at 127.0.0.1:${server.port} is a replica, which takes no writes; name its master.`];
  await eventually(() => expect(producer.unreadyReasons()).toEqual(reasons));
  // It stays so, while connections look for the master every second.
  for (let i = 0; i < 60; i++) {
    expect([producer.unreadyReasons(), producer.isUp()]).toEqual([reasons, false]);
    await expect(producer.submit(request())).rejects.toMatchObject({ code: 'queue_unavailable' });
    await pause(50);
  }
  await eventually(() => expect(consumer.isUp()).toBe(false));
  await server.client.call('REPLICAOF', 'NO', 'ONE');
  await eventually(() => expect([producer.isUp(), consumer.isUp()]).toEqual([true, true]));
  expect(producer.unreadyReasons()).toEqual([]);
  const again = request();
  expect((await producer.submit(again)).answer).toEqual(answerOf(again));
});
