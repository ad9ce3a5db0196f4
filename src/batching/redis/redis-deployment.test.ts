import { describe, expect, test } from 'vitest';
import {
  eventually,
  newPlace,
  openConsumer,
  openProducer,
  type Place,
  untilUp,
} from '../../../test/fixtures/redis/queue.ts';
import { ownRedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import { answerOf, lane, makeRequests, pause, startWorker } from '../contract/fixtures.contract.ts';
import { keyBase, parseRedisUrl } from './connection/connect.ts';

/** Sends rows of several lanes through a queue in `place` and expects their answers. */
async function expectToWork(place: Place): Promise<void> {
  const producer = await openProducer(place);
  startWorker(await openConsumer(place));
  const lanes = ['', 'ann', 'bob'].map((caller) => lane({ caller }));
  const requests = lanes.flatMap((each) => makeRequests(6, { lane: each }));
  const kept = { ...makeRequests(1)[0]!, keep: { ms: 1_000, memo: 'memo' } };
  const deliveries = await Promise.all([...requests, kept].map((each) => producer.submit(each)));
  expect(deliveries.map(({ answer }) => answer)).toEqual([...requests, kept].map(answerOf));
  expect(await producer.result(kept.id)).toMatchObject({ memo: 'memo' });
}

describe('a URL', () => {
  test.each([
    ['redis://cache', { kind: 'single', hosts: [{ host: 'cache', port: 6379 }], tls: false, db: 0 }],
    [
      'rediss://ann:p%40ss%2F@cache:6380/2',
      {
        kind: 'single',
        hosts: [{ host: 'cache', port: 6380 }],
        tls: true,
        username: 'ann',
        password: 'p@ss/',
        db: 2,
      },
    ],
    [
      'redis://:secret@[::1]:7000',
      { kind: 'single', hosts: [{ host: '::1', port: 7000 }], tls: false, password: 'secret', db: 0 },
    ],
    [
      'redis+sentinel://:secret@one,two:5000/main/1?sentinelPassword=s%26s',
      {
        kind: 'sentinel',
        hosts: [
          { host: 'one', port: 26_379 },
          { host: 'two', port: 5000 },
        ],
        tls: false,
        password: 'secret',
        db: 1,
        master: 'main',
        sentinelPassword: 's&s',
      },
    ],
    [
      'rediss+cluster://one:7001,two:7002',
      {
        kind: 'cluster',
        hosts: [
          { host: 'one', port: 7001 },
          { host: 'two', port: 7002 },
        ],
        tls: true,
        db: 0,
      },
    ],
  ])('%s says where Redis is', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  test.each([
    'cache:6379',
    'http://cache',
    'redis://',
    'redis://cache:port',
    'redis://cache/x',
    'redis://cache/1/2',
    'redis+sentinel://cache',
    'redis://:secret%zz@cache',
  ])('%s is refused, and the message does not repeat it', (url) => {
    expect(() => parseRedisUrl(url)).toThrow('The Redis URL must look like');
    expect(() => parseRedisUrl(url)).not.toThrow('secret');
  });
});

describe('the key prefix', () => {
  test('becomes a hash tag, unless it has one', () => {
    expect(keyBase('dent')).toBe('{dent}:');
    expect(keyBase('shared:{dent}')).toBe('shared:{dent}:');
  });

  test('begins every key and channel, and keeps queues in one Redis apart', async () => {
    const server = await ownRedisServer();
    const own = newPlace(server, 'own');
    const producer = await openProducer(own);
    const elsewhere = startWorker(await openConsumer(newPlace(server, 'other')));
    const delivery = producer.submit(makeRequests(1)[0]!);
    await pause(100);
    expect(elsewhere.batches).toEqual([]);
    const worker = startWorker(await openConsumer(own), { held: true });
    await eventually(() => expect(worker.batches).toHaveLength(1));
    const keys = await server.client.keys('*');
    expect(keys.filter((key) => !/^\{(own|other)\}:/.test(key))).toEqual([]);
    expect((await server.client.pubsub('CHANNELS')) as string[]).toEqual(
      expect.arrayContaining(['{own}:wake', '{other}:wake']),
    );
    worker.release();
    await delivery;
  });
});

describe('a Redis', () => {
  test('that may evict is reported, not used in silence', async () => {
    const server = await ownRedisServer('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
    const place = newPlace(server);
    const sides = [await openProducer(place, { wait: false }), await openConsumer(place, { wait: false })];
    for (const side of sides) {
      await eventually(() =>
        expect(side.unreadyReasons()).toEqual([
          `Redis at 127.0.0.1:${server.port} may evict what waits: its maxmemory-policy is allkeys-lru, not noeviction.`,
        ]),
      );
      await server.client.config('SET', 'maxmemory-policy', 'noeviction');
      await eventually(() => expect(side.unreadyReasons()).toEqual([]));
      await server.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    }
  });

  test('that has no memory left refuses rows, and works again when it has some', async () => {
    const server = await ownRedisServer();
    const place = newPlace(server);
    const producer = await openProducer(place);
    const worker = startWorker(await openConsumer(place));
    await server.client.config('SET', 'maxmemory', '1mb');
    const [first, second] = makeRequests(2);
    await expect(producer.submit(first!)).rejects.toMatchObject({ code: 'queue_unavailable' });
    expect(producer.unreadyReasons()).toEqual([expect.stringContaining('Redis is full')]);
    expect(producer.isUp()).toBe(false);
    await eventually(() => expect(place.faults).toHaveLength(1));
    expect(`${place.faults[0]!.error}`).toContain('Redis is full');
    await server.client.config('SET', 'maxmemory', '0');
    await untilUp(producer);
    expect((await producer.submit(second!)).answer).toEqual(answerOf(second!));
    expect(worker.batches).toHaveLength(1);
  });

  test('with a password is used with it, and not without', async () => {
    const server = await ownRedisServer('--requirepass', 'p@ss w/rd');
    const withPassword = { url: server.url.replace('//', `//:${encodeURIComponent('p@ss w/rd')}@`) };
    await expectToWork(newPlace(withPassword));
    const place = newPlace(server);
    const producer = await openProducer(place, { wait: false });
    await eventually(() => expect(place.faults).not.toEqual([]));
    expect(producer.unreadyReasons()).toEqual([`Redis at 127.0.0.1:${server.port} cannot be reached.`]);
    await expect(producer.submit(makeRequests(1)[0]!)).rejects.toMatchObject({ code: 'queue_unavailable' });
  });
});
