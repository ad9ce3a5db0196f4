import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { channelPair } from '../../../test/fixtures/processes/channel-pair.ts';
import { connectCalls, type Handlers } from './calls.ts';
import type { PrimaryCalls } from './protocol.ts';
import { patientAsk, remoteLimiter } from './remote-backend.ts';
import { type PrimaryWatch, watchPrimary } from './watch-primary.ts';

const SILENCE_MS = 10_000;
const REFUSAL = { code: 'queue_unavailable', retryAfterSeconds: 1 };

let watch: PrimaryWatch;
let changes: boolean[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  watch = watchPrimary();
  changes = [];
  watch.onChange((isSilent) => changes.push(isSilent));
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

/** A primary process that answers calls only when the test does. */
function connect(handlers: Partial<Handlers<PrimaryCalls>>) {
  const { ends, close } = channelPair();
  connectCalls(ends[0], () => handlers as Handlers<PrimaryCalls>);
  const ask = connectCalls<PrimaryCalls, Record<never, never>>(ends[1], () => ({}));
  return { ask, close };
}

it('begins with the first question, and lasts until the next', () => {
  vi.advanceTimersByTime(10 * SILENCE_MS);
  expect(watch.isSilent()).toBe(false);
  watch.heard();
  for (let i = 0; i < 3; i++) {
    vi.advanceTimersByTime(SILENCE_MS - 1_000);
    expect(watch.isSilent()).toBe(false);
    watch.heard();
  }
  vi.advanceTimersByTime(5 * SILENCE_MS);
  expect(watch.isSilent()).toBe(true);
  watch.heard();
  expect(watch.isSilent()).toBe(false);
  expect(changes).toEqual([true, false]);
});

it('refuses calls under way and new ones, which the primary process finds given up', async () => {
  const signals: AbortSignal[] = [];
  const { ask, close } = connect({
    submit: (_row, signal) => {
      signals.push(signal);
      return new Promise(() => {});
    },
    status: () => [],
  });
  const patient = patientAsk(ask, watch);
  watch.heard();
  const request = new AbortController();
  const waiting = [patient('submit', {} as never), patient('submit', {} as never, request.signal)];
  await vi.waitFor(() => expect(signals).toHaveLength(2));
  const refused = Promise.all(waiting.map((each) => expect(each).rejects.toMatchObject(REFUSAL)));
  vi.advanceTimersByTime(SILENCE_MS);
  await refused;
  await vi.waitFor(() => expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]));
  await expect(patient('status', undefined)).rejects.toMatchObject(REFUSAL);
  watch.heard();
  expect(await patient('status', undefined)).toEqual([]);
  close();
});

it('passes on that the caller gives up', async () => {
  const signals: AbortSignal[] = [];
  const { ask, close } = connect({
    submit: (_row, signal) => {
      signals.push(signal);
      return new Promise(() => {});
    },
  });
  const patient = patientAsk(ask, watch);
  const request = new AbortController();
  patient('submit', {} as never, AbortSignal.abort()).catch(() => {});
  patient('submit', {} as never, request.signal).catch(() => {});
  await vi.waitFor(() => expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]));
  request.abort();
  await vi.waitFor(() => expect(signals[1]!.aborted).toBe(true));
  close();
});

it('gives back the place of a request that was refused before the primary process had counted it', async () => {
  let count!: (ticket: number) => void;
  const left: number[] = [];
  const { ask, close } = connect({
    admit: () =>
      new Promise<number>((resolve) => {
        count = resolve;
      }),
    leave: (ticket) => void left.push(ticket),
  });
  watch.heard();
  const entering = remoteLimiter(ask, watch).enter('ann', { concurrency: 1 });
  await vi.waitFor(() => expect(count).toBeDefined());
  const refused = expect(entering).rejects.toMatchObject(REFUSAL);
  vi.advanceTimersByTime(SILENCE_MS);
  await refused;
  count(7);
  await vi.waitFor(() => expect(left).toEqual([7]));
  close();
});
