import { describe, expect, test } from 'vitest';
import { ServiceError } from '../errors.ts';
import type { Batch, RowRequest } from './batch-queue.ts';
import { answerOf, lane, makeRequests } from './contract/fixtures.contract.ts';
import { isolateFailures } from './isolate-failures.ts';

const batchOf = (rows: RowRequest[]): Batch => ({ id: 'batch', lane: lane(), rows, reason: 'full' });

/** A handler that fails at each of `poison`, and the sizes of the batches it was given. */
function open(poison: readonly RowRequest[]) {
  const sizes: number[] = [];
  let failures = 0;
  const handler = isolateFailures(async ({ rows }) => {
    sizes.push(rows.length);
    if (!rows.some((row) => poison.includes(row))) return rows.map(answerOf);
    failures += 1;
    throw new Error('its process was killed');
  });
  return { handler, sizes, failures: () => failures };
}

describe('a batch that fails', () => {
  test('is answered but for the row that is to blame, after three failures', async () => {
    const rows = makeRequests(128);
    const { handler, failures } = open([rows[77]!]);
    const answers = [...(await handler(batchOf(rows)))];
    const [failure] = answers.splice(77, 1) as [ServiceError];
    expect(failure).toMatchObject({ code: 'internal', cause: { message: 'its process was killed' } });
    expect(answers).toEqual(rows.filter((_, i) => i !== 77).map(answerOf));
    expect(failures()).toBe(3);
  });

  test.each([2, 3, 5, 128])('of %i rows may be to blame as a whole', async (count) => {
    const rows = makeRequests(count);
    const answers = await open(rows).handler(batchOf(rows));
    expect(answers).toHaveLength(count);
    for (const each of answers) expect(each).toMatchObject({ code: 'internal' });
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

  test('of one row is not tried again', async () => {
    const rows = makeRequests(1);
    const { handler, sizes } = open(rows);
    await expect(handler(batchOf(rows))).rejects.toThrow('its process was killed');
    expect(sizes).toEqual([1]);
  });
});

test('what all rows are to be told is passed on, and nothing is tried again', async () => {
  let calls = 0;
  const fault = new ServiceError('not_ready', 'The model is being replaced.');
  const handler = isolateFailures(async () => {
    calls += 1;
    throw fault;
  });
  await expect(handler(batchOf(makeRequests(4)))).rejects.toBe(fault);
  expect(calls).toBe(1);
});

test('a part that is told something fails alone', async () => {
  const rows = makeRequests(4);
  const fault = new ServiceError('not_ready', 'The model is being replaced.');
  const handler = isolateFailures(async (batch) => {
    if (batch.rows.length === 4) throw new Error('its process was killed');
    if (batch.rows.includes(rows[3]!)) throw fault;
    return batch.rows.map(answerOf);
  });
  expect(await handler(batchOf(rows))).toEqual([answerOf(rows[0]!), answerOf(rows[1]!), fault, fault]);
});
