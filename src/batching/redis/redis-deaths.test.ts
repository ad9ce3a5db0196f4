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
  outcomesOf,
  startProcess,
  startWorkerProcess,
} from '../../../test/fixtures/redis/queue.ts';
import {
  ownRedisServer,
  type RedisServer,
  startRedisServer,
} from '../../../test/fixtures/redis/redis-server.ts';
import { answerOf, idsOf, lane, makeRequests, request, startWorker } from '../contract/fixtures.contract.ts';
import { createWorkerStore } from './worker/worker-store.ts';

/** Longer than any process of a busy machine takes to start and be missed. */
const PATIENCE_MS = 20_000;

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

  test('three times while it has one row alone is not the fault of the row, which is answered', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place, { limits: { maxDelayMs: 0 } });
    const sent = request({ timeoutMs: 100_000 });
    const delivery = producer.submit(sent);
    for (let deaths = 0; deaths < 3; deaths++) {
      const doomed = startWorkerProcess(place, { runMs: 200_000 });
      expect(await once(doomed, 'message')).toEqual([[sent.id], undefined]);
      doomed.kill('SIGKILL');
      await once(doomed, 'exit');
    }
    startWorker(await openConsumer(place));
    expect((await delivery).answer).toEqual(answerOf(sent));
  });

  test('again and again by one row is freed of it: the others are answered, and it is set aside', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place, { limits: { maxBatchSize: 16 } });
    // Eight workers start one after the other, and each is missed when it is dead.
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
    // Twice as a whole, once in each of the halves of 8, 4 and 2, and three times alone. A worker that was
    // only slow counts as killed.
    expect(kills).toBeLessThanOrEqual(8);

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

  test.each([
    // One runs, one is held ready, two wait.
    { ahead: 0, depth: 8, counted: ['0', '1'] },
    // One was handed over, too, and its turn has not come.
    { ahead: 1, depth: 4, counted: ['0', '0', '1'] },
  ])(
    'while batches waited in it, $ahead of them ahead, leaves these innocent',
    async ({ ahead, depth, counted }) => {
      const place = newPlace(server);
      const producer = await openProducer(place);
      const doomed = startWorkerProcess(place, { runMs: 60_000, ahead });
      const requests = makeRequests(16, { timeoutMs: PATIENCE_MS });
      const deliveries = requests.map((each) => producer.submit(each));
      await eventually(async () => expect(await producer.status()).toMatchObject([{ depth }]));
      const claimed = await server.client.keys(`{${place.redis.prefix}}:batch:*`);
      await eventually(async () => {
        const runs = await Promise.all(claimed.map((key) => server.client.hget(key, 'runs')));
        expect(runs.toSorted()).toEqual(counted);
      });
      doomed.kill('SIGKILL');
      const worker = startWorker(await openConsumer(place));
      expect(await outcomesOf(deliveries)).toEqual(requests.map(answerOf));
      expect(worker.batches.map(({ rows }) => rows.length)).toEqual([4, 4, 4, 4]);
    },
  );
});

test('an API process that is killed takes its rows along, and nobody else is harmed', async () => {
  const server = await ownRedisServer();
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

test('a batch whose worker died before it had a job is given one', async () => {
  const server = await ownRedisServer();
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
