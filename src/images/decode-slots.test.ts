import { expect, it } from 'vitest';
import { createDecodeSlots } from './decode-slots.ts';

/** A piece of work that ends when the test says so. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

it('runs no more than its slots at a time, in order of arrival', async () => {
  const slots = createDecodeSlots(2, 1000);
  const gates = Array.from({ length: 5 }, gate);
  const started: number[] = [];
  const all = gates.map((one, i) =>
    slots.run(1, async () => {
      started.push(i);
      await one.opened;
      return i;
    }),
  );
  await settle();
  expect(started).toEqual([0, 1]);
  gates[1]!.open();
  await settle();
  expect(started).toEqual([0, 1, 2]);
  for (const one of gates) one.open();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4]);
});

it('frees the slot of work that failed', async () => {
  const slots = createDecodeSlots(1, 1000);
  await expect(slots.run(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.run(1, async () => 'next')).toBe('next');
});

it('refuses what would wait beyond the byte limit, and takes it again once there is room', async () => {
  const slots = createDecodeSlots(1, 10);
  const first = gate();
  const running = slots.run(100, () => first.opened);
  const waiting = slots.run(8, async () => 'waited');
  await expect(slots.run(3, async () => 'never')).rejects.toMatchObject({
    code: 'queue_full',
    retryAfterSeconds: 1,
  });
  const fits = slots.run(2, async () => 'fits');
  first.open();
  await running;
  expect(await Promise.all([waiting, fits])).toEqual(['waited', 'fits']);
  const second = gate();
  const again = slots.run(100, () => second.opened);
  const roomy = slots.run(10, async () => 'room');
  second.open();
  await again;
  expect(await roomy).toBe('room');
});

it('forgets what is given up while it waits, with its bytes', async () => {
  const slots = createDecodeSlots(1, 10);
  const first = gate();
  const running = slots.run(1, () => first.opened);
  const giveUp = new AbortController();
  const started: string[] = [];
  const given = slots.run(10, async () => void started.push('given up'), giveUp.signal);
  giveUp.abort(new Error('nobody waits'));
  await expect(given).rejects.toThrow('nobody waits');
  const next = slots.run(10, async () => void started.push('next'), new AbortController().signal);
  first.open();
  await Promise.all([running, next]);
  expect(started).toEqual(['next']);
  await expect(slots.run(1, async () => 'late', giveUp.signal)).rejects.toThrow('nobody waits');
  expect(await slots.run(1, async () => 'free')).toBe('free');
});
