import { expect, test, vi } from 'vitest';
import { ServiceError } from '../../errors.ts';
import type { Batch, RowAnswer, RowRequest } from '../batch-queue.ts';
import { answerOf, type CreateSubject, idsOf, lane, open, pause, request } from './fixtures.contract.ts';
import { createRandom } from './random.contract.ts';

const ROWS = 4_000;
const SEED = 20_260_101;

type Kind = 'plain' | 'hasty' | 'leaving' | 'faulty' | 'poison';

interface Planned {
  readonly kind: Kind;
  readonly request: RowRequest;
  readonly signal?: AbortSignal;
}

function plan(random: () => number): Planned {
  const of = lane({
    model: random() < 0.5 ? 'digits' : 'letters',
    recipe: random() < 0.5 ? 'isolated' : 'dent',
    caller: ['', 'ann', 'bob'][Math.floor(random() * 3)]!,
  });
  const draw = random();
  if (draw < 0.1) return { kind: 'hasty', request: request({ lane: of, timeoutMs: random() * 40 - 5 }) };
  if (draw < 0.2) {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    if (random() < 0.2) abort();
    else setTimeout(abort, random() * 40);
    return { kind: 'leaving', request: request({ lane: of, timeoutMs: 20_000 }), signal: controller.signal };
  }
  const kind = draw < 0.24 ? 'faulty' : draw < 0.245 ? 'poison' : 'plain';
  return { kind, request: request({ lane: of, timeoutMs: 20_000 }) };
}

/** The codes with which a row may fail, given its kind and whether its batch was poisoned. */
function allowedCodes(kind: Kind, poisoned: boolean): string[] {
  const codes = ['queue_full'];
  if (kind === 'hasty') codes.push('timeout');
  if (kind === 'leaving') codes.push('cancelled');
  if (kind === 'faulty' || poisoned) codes.push('internal');
  return codes;
}

/** Thousands of rows that come, leave, expire and fail at random. */
export function describeSoak(create: CreateSubject): void {
  test(`${ROWS} rows of twelve lanes: each settles, with its own answer or a failure that it earned`, async () => {
    const random = createRandom(SEED);
    const subject = await open(create, { maxBatchSize: 16, maxDelayMs: 4, queueLimit: 300 });
    const kinds = new Map<string, Kind>();
    const batchOf = new Map<string, Batch>();
    const poisoned = new Set<string>();
    subject.consumer.consume(
      async (batch): Promise<(RowAnswer | Error)[]> => {
        for (const row of batch.rows) {
          expect(row.lane).toEqual(batch.lane);
          expect(batchOf.get(row.id)?.id ?? batch.id).toBe(batch.id);
          batchOf.set(row.id, batch);
        }
        await pause(random() * 4);
        if (batch.rows.some((row) => kinds.get(row.id) === 'poison')) {
          for (const id of idsOf(batch)) poisoned.add(id);
          throw new Error('poisoned');
        }
        return batch.rows.map((row) =>
          kinds.get(row.id) === 'faulty' ? new Error('faulty') : answerOf(row),
        );
      },
      { concurrency: 2 },
    );

    const counts = new Map<string, number>();
    const settled: Promise<void>[] = [];
    let unsettled = 0;
    const count = (outcome: string) => {
      unsettled -= 1;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    };
    async function follow({ kind, request: sent, signal }: Planned): Promise<void> {
      unsettled += 1;
      try {
        const { answer, batch } = await subject.producer.submit(sent, signal);
        expect(answer).toEqual(answerOf(sent));
        expect(batch).toEqual({ id: batchOf.get(sent.id)!.id, size: batchOf.get(sent.id)!.rows.length });
        expect(['faulty', 'poison']).not.toContain(kind);
        count('answered');
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        expect(allowedCodes(kind, poisoned.has(sent.id))).toContain(error.code);
        if (error.code === 'queue_full') expect(batchOf.has(sent.id)).toBe(false);
        count(error.code);
      }
    }

    while (kinds.size < ROWS) {
      const burst = Math.ceil(random() ** 4 * 400);
      for (let i = 0; i < burst && kinds.size < ROWS; i++) {
        const planned = plan(random);
        kinds.set(planned.request.id, planned.kind);
        settled.push(follow(planned));
      }
      // Each burst meets a queue that is crowded but not always full, whatever the speed of the driver.
      do await pause(random() * 6);
      while (unsettled > 300);
    }
    await Promise.all(settled);

    for (const outcome of ['answered', 'timeout', 'cancelled', 'internal']) {
      expect(counts.get(outcome), outcome).toBeGreaterThan(0);
    }
    expect([...counts.values()].reduce((sum, n) => sum + n, 0)).toBe(ROWS);
    expect(counts.get('answered')).toBeGreaterThan(ROWS / 4);
    expect(Math.max(...[...batchOf.values()].map(({ rows }) => rows.length))).toBeLessThanOrEqual(16);
    await vi.waitFor(async () => expect(await subject.producer.status()).toEqual([]));
  });
}
