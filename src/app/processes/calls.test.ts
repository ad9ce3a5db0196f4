import { afterEach, beforeEach, expect, it } from 'vitest';
import { channelPair } from '../../../test/fixtures/processes/channel-pair.ts';
import { InputError, ServiceError } from '../../errors.ts';
import { type Ask, connectCalls } from './calls.ts';

interface Table {
  double(value: number): number;
  wait(): string;
  fail(how: 'service' | 'input' | 'bug'): void;
  order(value: number): readonly number[];
}
type Nothing = Record<never, never>;

let pair: ReturnType<typeof channelPair>;
let ask: Ask<Table>;
let aborted: number;

beforeEach(() => {
  pair = channelPair();
  aborted = 0;
  const seen: number[] = [];
  connectCalls<Nothing, Table>(pair.ends[0], () => ({
    double: (value) => 2 * value,
    wait: (_nothing, signal) =>
      new Promise((_resolve, reject) => {
        const leave = () => {
          aborted += 1;
          reject(new ServiceError('cancelled', 'The request was cancelled.'));
        };
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave);
      }),
    async fail(how) {
      if (how === 'input') throw new InputError(['a.json: no', 'b.json: no']);
      if (how === 'bug') throw new TypeError('x is undefined');
      const cause = new Error('out of memory');
      throw new ServiceError('queue_full', 'Later.', { retryAfterSeconds: 7, cause });
    },
    order: (value) => {
      seen.push(value);
      return seen;
    },
  }));
  ask = connectCalls<Table, Nothing>(pair.ends[1], () => ({}));
});
afterEach(() => pair.close());

it('answers calls, which arrive in order', async () => {
  expect(await Promise.all([1, 2, 3].map((value) => ask('double', value)))).toEqual([2, 4, 6]);
  const last = await Promise.all([1, 2, 3].map((value) => ask('order', value)));
  expect(last.at(-1)).toEqual([1, 2, 3]);
});

it('rejects with the error of the handler', async () => {
  const service = await ask('fail', 'service').catch((error: unknown) => error);
  expect(service).toBeInstanceOf(ServiceError);
  expect(service).toMatchObject({ code: 'queue_full', message: 'Later.', retryAfterSeconds: 7 });
  expect((service as ServiceError).cause).toMatchObject({ message: 'out of memory' });
  const input = await ask('fail', 'input').catch((error: unknown) => error);
  expect(input).toBeInstanceOf(InputError);
  expect(input).toMatchObject({ faults: ['a.json: no', 'b.json: no'] });
  await expect(ask('fail', 'bug')).rejects.toMatchObject({
    message: 'x is undefined',
    stack: expect.stringContaining('calls.test.ts'),
  });
});

it('tells the handler when the caller gives up, before or after the call', async () => {
  const controller = new AbortController();
  const waiting = ask('wait', undefined, controller.signal);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
  await expect(ask('wait', undefined, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  expect(aborted).toBe(2);
});

it('ends every call where the other process is gone', async () => {
  const waiting = ask('wait', undefined);
  await ask('double', 1);
  pair.close();
  await expect(waiting).rejects.toThrow('gone');
  await expect(ask('double', 1)).rejects.toThrow('gone');
  expect(aborted).toBe(1);
});
