import { expect, test } from 'vitest';
import { createMemoryRoom } from './memory-room.ts';

const MOST = 1_000_000;

/** A Redis of a million bytes. Its answers are held back until the test releases them. */
function open() {
  const questions: ((used: number) => void)[] = [];
  const told: string[] = [];
  const room = createMemoryRoom(
    () =>
      new Promise((resolve) =>
        questions.push((used) => resolve(`used_memory:${used}\r\nmaxmemory:${MOST}\r\n`)),
      ),
    (reason) => told.push(reason),
  );
  const answer = async (used: number): Promise<void> => {
    const asked = room.refresh();
    questions.shift()!(used);
    await asked;
  };
  return { room, told, answer, questions };
}

test('what was sent since Redis was asked counts, and what was sent before it is in its answer', async () => {
  const { room, answer, questions } = open();
  await answer(500_000);
  expect(room.take(200_000)).toBe(true);
  const asked = room.refresh();
  // Asked twice at once, it is subtracted once.
  void room.refresh();
  expect(room.take(100_000)).toBe(true);
  expect(questions).toHaveLength(1);
  questions.shift()!(700_600);
  await asked;
  // 800 KB and two rows' places are used, so 90 KB fit and 100 KB do not.
  expect(room.take(90_000)).toBe(true);
  expect(room.take(100_000)).toBe(false);
});

test('once it is full it stays so until there is room for many, and is told of once', async () => {
  const { room, told, answer } = open();
  await answer(910_000);
  expect(room.take(1)).toBe(false);
  expect(room.reason()).toMatch(/^Redis is full: 0.9 MiB of its 1.0 MiB/);
  await answer(850_000);
  expect(room.take(1)).toBe(false);
  await answer(790_000);
  expect([room.take(1), room.reason()]).toEqual([true, undefined]);
  expect(told).toHaveLength(1);
});

test('a refused row fills it until Redis says otherwise', async () => {
  const { room, answer } = open();
  await answer(100_000);
  room.ranOut();
  expect(room.take(1)).toBe(false);
  await answer(100_000);
  expect(room.take(1)).toBe(true);
});
