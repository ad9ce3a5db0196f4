import { describe, expect, test } from 'vitest';
import { eventually, newPlace, openConsumer, openProducer } from '../../../test/fixtures/redis/queue.ts';
import { sharedRedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import {
  answerOf,
  idsOf,
  kept,
  LONG_MS,
  lane,
  makeRequests,
  pause,
  request,
  startWorker,
} from '../contract/fixtures.contract.ts';

const server = await sharedRedisServer();

describe('several API processes', () => {
  test('fill batches together, and each gets its own answers', async () => {
    const place = newPlace(server);
    const limits = { maxDelayMs: LONG_MS };
    const producers = [await openProducer(place, { limits }), await openProducer(place, { limits })];
    const worker = startWorker(await openConsumer(place));
    const requests = makeRequests(4);
    const deliveries = requests.map((each, i) => producers[i % 2]!.submit(each));
    expect((await Promise.all(deliveries)).map(({ answer }) => answer)).toEqual(requests.map(answerOf));
    expect(worker.batches.map(({ rows }) => rows.length)).toEqual([4]);
  });

  test('see the same queue, and are refused together where it is full', async () => {
    const place = newPlace(server);
    const limits = { queueLimit: 3, maxDelayMs: LONG_MS };
    const first = await openProducer(place, { limits });
    const second = await openProducer(place, { limits });
    const waiting = makeRequests(3, { timeoutMs: 1_000 }).map((each) => first.submit(each).catch(() => {}));
    await eventually(async () => expect(await second.status()).toMatchObject([{ lane: lane(), depth: 3 }]));
    await expect(second.submit(request())).rejects.toMatchObject({ code: 'queue_full' });
    await Promise.all(waiting);
    expect(await second.status()).toEqual([]);
  });

  test('answer for a kept row of the other: while it runs, and when it is done', async () => {
    const place = newPlace(server);
    const [first, second] = [await openProducer(place), await openProducer(place)];
    const worker = startWorker(await openConsumer(place), { held: true });
    const row = kept({ memo: 'memo' });
    const delivery = first.submit(row);
    await eventually(() => expect(worker.batches).toHaveLength(1));
    const repeated = second.submit({ ...row, keep: { ms: 5_000, memo: 'again' } });
    await pause(30);
    worker.release();
    const answer = await delivery;
    expect(await repeated).toEqual(answer);
    expect(await second.submit(row)).toEqual(answer);
    expect(await second.result(row.id)).toEqual({ memo: 'memo', outcome: answer });
    expect(worker.batches).toHaveLength(1);
  });

  test('that close start what they wait for', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place, { limits: { maxDelayMs: LONG_MS } });
    const worker = startWorker(await openConsumer(place));
    const delivery = producer.submit(request());
    await eventually(async () => expect(await producer.status()).toHaveLength(1));
    await producer.close();
    await delivery;
    expect(worker.batches.map(({ reason }) => reason)).toEqual(['drain']);
  });
});

describe('several workers', () => {
  test('share the batches, none run twice, and a free one takes what a busy one cannot', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const consumers = [1, 2, 3].map(() => openConsumer(place));
    const workers = (await Promise.all(consumers)).map((each) => startWorker(each, { held: true }));
    const requests = makeRequests(12);
    const deliveries = requests.map((each) => producer.submit(each));
    await eventually(() => expect(workers.map(({ batches }) => batches.length)).toEqual([1, 1, 1]));
    for (const each of workers) each.release();
    expect((await Promise.all(deliveries)).map(({ answer }) => answer)).toEqual(requests.map(answerOf));
    const ran = workers.flatMap(({ batches }) => batches.flatMap(idsOf));
    expect(ran.toSorted()).toEqual(requests.map(({ id }) => id).toSorted());
  });

  test('take the batches of the contents that they have, and leave the others alone', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const old = startWorker(await openConsumer(place, { contents: () => ['digits-1'] }));
    const first = request();
    const second = request({ lane: lane({ version: 2 }) });
    const deliveries = [producer.submit(first), producer.submit(second)];
    await deliveries[0];
    await pause(100);
    expect(await producer.status()).toMatchObject([{ lane: second.lane, depth: 1 }]);
    const young = startWorker(await openConsumer(place, { contents: () => ['digits-2'] }));
    expect((await deliveries[1]!).answer).toEqual(answerOf(second));
    expect(old.batches.map(({ lane: of }) => of.content)).toEqual(['digits-1']);
    expect(young.batches.map(({ lane: of }) => of.content)).toEqual(['digits-2']);
  });

  test('never mix what two API processes call the same and know differently', async () => {
    const place = newPlace(server);
    const contents = ['digits-old', 'digits-new'];
    const producers = await Promise.all(contents.map(() => openProducer(place)));
    const workers = await Promise.all(
      contents.map(async (each) => startWorker(await openConsumer(place, { contents: () => [each] }))),
    );
    const sent = contents.map((content) => makeRequests(20, { lane: lane({ content }) }));
    await Promise.all(
      sent[0]!.flatMap((each, i) => [producers[0]!.submit(each), producers[1]!.submit(sent[1]![i]!)]),
    );
    for (const [i, { batches }] of workers.entries()) {
      const ids = batches.flatMap(idsOf);
      expect(ids.toSorted()).toEqual(sent[i]!.map(({ id }) => id).toSorted());
    }
  });

  test('serve what they have at the time, and let go of what they had', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const contents: string[] = ['digits-1'];
    const worker = startWorker(await openConsumer(place, { contents: () => contents }));
    await producer.submit(request());
    contents.splice(0, 1, 'digits-2');
    const orphan = producer.submit(request({ timeoutMs: 400 }));
    const second = request({ lane: lane({ version: 2 }) });
    expect((await producer.submit(second)).answer).toEqual(answerOf(second));
    await expect(orphan).rejects.toMatchObject({ code: 'timeout' });
    contents.push('digits-1');
    const third = request();
    expect((await producer.submit(third)).answer).toEqual(answerOf(third));
    expect(worker.batches.map(({ lane: of }) => of.content)).toEqual(['digits-1', 'digits-2', 'digits-1']);
  });

  test('say what they can run, as long as they live', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const contents = ['digits-1'];
    const consumer = await openConsumer(place, { contents: () => contents });
    expect(await producer.hasWorker('digits-1')).toBe(false);
    startWorker(consumer);
    await eventually(async () => expect(await producer.hasWorker('digits-1')).toBe(true));
    expect(await producer.hasWorker('digits-2')).toBe(false);
    contents.splice(0, 1, 'digits-2');
    consumer.announce();
    await eventually(async () => expect(await producer.hasWorker('digits-2')).toBe(true));
    await eventually(async () => expect(await producer.hasWorker('digits-1')).toBe(false));
    await consumer.close();
    await eventually(async () => expect(await producer.hasWorker('digits-2')).toBe(false));
  });

  test('know whether rows of a content wait or run, wherever they do', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const [busy, idle] = [await openConsumer(place), await openConsumer(place)];
    const awaited = () => Promise.all(['digits-1', 'digits-2'].map((each) => idle.isAwaited(each)));
    expect(await awaited()).toEqual([false, false]);
    const delivery = producer.submit(request());
    await eventually(async () => expect(await awaited()).toEqual([true, false]));
    const worker = startWorker(busy, { held: true });
    await eventually(() => expect(worker.batches).toHaveLength(1));
    expect(await awaited()).toEqual([true, false]);
    worker.release();
    await delivery;
    await eventually(async () => expect(await awaited()).toEqual([false, false]));
  });

  test('leave out of a ready batch the rows that have gone meanwhile', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const busy = startWorker(await openConsumer(place), { held: true });
    const controller = new AbortController();
    const requests = makeRequests(16);
    const deliveries = requests.map((each, i) => {
      // The rows of the second batch: one is withdrawn, one expires.
      if (i === 5) return producer.submit({ ...each, deadlineMs: Date.now() + 900 });
      return producer.submit(each, i === 4 ? controller.signal : undefined);
    });
    const settled = Promise.allSettled(deliveries);
    // One runs, one is held ready, two wait.
    await eventually(async () => expect(await producer.status()).toMatchObject([{ depth: 8 }]));
    await pause(200);
    controller.abort();
    await Promise.allSettled([deliveries[4]!, deliveries[5]!]);
    await pause(50);
    busy.release();
    const outcomes = await settled;
    const gone = [requests[4]!.id, requests[5]!.id];
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(2);
    expect(busy.batches.flatMap(idsOf)).toEqual(
      requests.map(({ id }) => id).filter((id) => !gone.includes(id)),
    );
  });

  test('that close give the batch back that they held ready', async () => {
    const place = newPlace(server);
    const producer = await openProducer(place);
    const closing = await openConsumer(place);
    const busy = startWorker(closing, { held: true });
    const requests = makeRequests(16);
    const deliveries = requests.map((each) => producer.submit(each));
    await eventually(() => expect(busy.batches).toHaveLength(1));
    // One runs, one is held ready, two wait.
    await eventually(async () => expect(await producer.status()).toMatchObject([{ depth: 8 }]));
    const closed = closing.close();
    const heir = startWorker(await openConsumer(place));
    busy.release();
    await closed;
    expect((await Promise.all(deliveries)).map(({ answer }) => answer)).toEqual(requests.map(answerOf));
    expect(busy.batches).toHaveLength(1);
    expect(heir.batches).toHaveLength(3);
  });
});
