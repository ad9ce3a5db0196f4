import { describe, expect, test } from 'vitest';
import { ServiceError } from '../errors.ts';
import type { Batch, RowRequest } from './batch-queue.ts';
import { answerOf, lane, makeRequests } from './contract/fixtures.contract.ts';
import { isolateCrashes } from './isolate-crashes.ts';

class Crash extends Error {}

const batchOf = (rows: RowRequest[]): Batch => ({ id: 'batch', lane: lane(), rows, reason: 'full' });

/** A handler whose engine dies of each of `poison`, and the sizes of the batches it was given. */
function open(poison: readonly RowRequest[]) {
  const sizes: number[] = [];
  const handler = isolateCrashes(
    async ({ rows }) => {
      sizes.push(rows.length);
      if (rows.some((row) => poison.includes(row))) throw new Crash();
      return rows.map(answerOf);
    },
    (error) => error instanceof Crash,
  );
  return { handler, sizes };
}

describe('a batch of which engines die', () => {
  test('is answered but for the row that kills them', async () => {
    const rows = makeRequests(128);
    const { handler, sizes } = open([rows[77]!]);
    const answers = [...(await handler(batchOf(rows)))];
    const [failure] = answers.splice(77, 1) as [ServiceError];
    expect(failure).toMatchObject({ code: 'internal', cause: expect.any(Crash) });
    expect(answers).toEqual(rows.filter((_, i) => i !== 77).map(answerOf));
    expect(sizes.filter((size) => size === 1)).toHaveLength(2);
    expect(sizes).toHaveLength(15);
  });

  test('may have several such rows, in odd places', async () => {
    const rows = makeRequests(7);
    const { handler } = open([rows[0]!, rows[6]!]);
    const answers = await handler(batchOf(rows));
    expect(answers.map((each) => each instanceof ServiceError)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
  });
});

test('a failure that is no crash is passed on, and nothing is tried again', async () => {
  let calls = 0;
  const fault = new Error('out of memory');
  const handler = isolateCrashes(
    async () => {
      calls += 1;
      throw fault;
    },
    (error) => error instanceof Crash,
  );
  await expect(handler(batchOf(makeRequests(4)))).rejects.toBe(fault);
  expect(calls).toBe(1);
});

test('a half that fails of something else fails alone', async () => {
  const rows = makeRequests(4);
  const fault = new ServiceError('not_ready', 'The model is being replaced.');
  const handler = isolateCrashes(
    async (batch) => {
      if (batch.rows.length === 4) throw new Crash();
      if (batch.rows.includes(rows[3]!)) throw fault;
      return batch.rows.map(answerOf);
    },
    (error) => error instanceof Crash,
  );
  expect(await handler(batchOf(rows))).toEqual([answerOf(rows[0]!), answerOf(rows[1]!), fault, fault]);
});
