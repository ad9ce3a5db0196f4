import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  eventually,
  newPlace,
  openConsumer,
  openProducer,
  untilUp,
} from '../../../test/fixtures/redis/queue.ts';
import { ownRedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import type { ServiceError } from '../../errors.ts';
import type { RowRequest } from '../batch-queue.ts';
import { answerOf, request } from '../contract/fixtures.contract.ts';

/** 60 is the long form. */
const FLOOD_SECONDS = Number(process.env.DENT_FULL_SECONDS ?? 4);
/** Floats of a row: 12 KB, as those of small images. */
const FLOATS = 3 * 32 * 32;
/** Longer than it takes to run everything that fits into Redis. */
const TIMEOUT_MS = 120_000;
const BATCH = 16;
/** The time of a batch, and how many rows come meanwhile: twice as many as it holds. */
const RUN_MS = 40;
const NO_LIMIT = 100_000;

let rows = 0;
function largeRow(): RowRequest {
  rows += 1;
  const data = new Float32Array(FLOATS).fill(rows);
  return { ...request({ timeoutMs: TIMEOUT_MS }), row: { type: 'float32', data } };
}

/** Only the first numbers: the answers are small, like those of a classifier. */
const answer = (row: RowRequest) =>
  answerOf({ ...row, row: { type: 'float32', data: row.row.data.slice(0, 10) as Float32Array } });

test(
  'a Redis that is sent more than it holds refuses rows with the reason, loses none that it took, and recovers',
  async () => {
    const server = await ownRedisServer('--maxmemory', '8mb');
    const place = newPlace(server);
    const producer = await openProducer(place, { limits: { maxBatchSize: BATCH, queueLimit: NO_LIMIT } });
    const consumer = await openConsumer(place);
    consumer.consume(
      async (batch) => {
        await pause(RUN_MS);
        return batch.rows.map(answer);
      },
      { concurrency: 1 },
    );
    const outcomes: Promise<void>[] = [];
    const counts = { answered: 0, refused: 0, readinessLost: 0 };
    const post = async (): Promise<void> => {
      const row = largeRow();
      try {
        expect((await producer.submit(row)).answer).toEqual(answer(row));
        counts.answered += 1;
      } catch (error) {
        const { code, message, retryAfterSeconds } = error as ServiceError;
        expect([code, message]).toEqual(['queue_unavailable', expect.stringContaining('out of memory')]);
        expect(retryAfterSeconds).toBeGreaterThan(0);
        counts.refused += 1;
      }
    };
    const endMs = performance.now() + FLOOD_SECONDS * 1000;
    // First as many at once as fill it, then twice the rate of answers.
    for (let i = 0; i < 900; i += 1) outcomes.push(post());
    while (performance.now() < endMs || counts.refused === 0) {
      for (let i = 0; i < 2 * BATCH; i += 1) outcomes.push(post());
      if (producer.unreadyReasons().some((reason) => reason.includes('Redis is full')))
        counts.readinessLost += 1;
      await pause(RUN_MS);
    }
    await Promise.all(outcomes);
    process.stdout.write(`${JSON.stringify({ seconds: FLOOD_SECONDS, ...counts })}\n`);
    expect(counts.answered).toBeGreaterThan(100);
    expect(counts.readinessLost).toBeGreaterThan(0);
    expect(place.faults.map(({ doing }) => doing)).toContain('making room for rows');
    await untilUp(producer);
    await post();
    expect(counts.answered + counts.refused).toBe(outcomes.length + 1);
  },
  FLOOD_SECONDS * 1000 + 2 * TIMEOUT_MS,
);

test('rows that were accepted are run though others have filled Redis since', async () => {
  const server = await ownRedisServer();
  const place = newPlace(server);
  const producer = await openProducer(place, { limits: { maxBatchSize: BATCH } });
  const requests = Array.from({ length: 100 }, largeRow);
  const deliveries = requests.map((each) => producer.submit(each));
  await eventually(async () => expect(await producer.status()).toMatchObject([{ depth: requests.length }]));
  await server.client.config('SET', 'maxmemory', '1mb');
  const consumer = await openConsumer(place);
  consumer.consume(async (batch) => batch.rows.map(answer), { concurrency: 1 });
  const answers = (await Promise.all(deliveries)).map((delivery) => delivery.answer);
  expect(answers).toEqual(requests.map(answer));
  expect(consumer.unreadyReasons()).toEqual([]);
  await expect(producer.submit(largeRow())).rejects.toMatchObject({ code: 'queue_unavailable' });
});
