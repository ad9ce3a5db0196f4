import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, expect, it, vi } from 'vitest';
import { createHeldVersions, type HeldVersions } from './held-versions.ts';
import { parseManifest } from './manifest.ts';
import type { DescribedVersion } from './model.ts';

const version = (content: string): DescribedVersion => ({
  name: 'm',
  version: 1,
  sha256: '',
  tensors: { input: 'input', output: 'logits' },
  content,
  manifest: parseManifest(
    JSON.stringify({
      input: { width: 8, height: 8, channels: 'rgb', scale: 1 },
      labels: ['cat', 'dog'],
    }),
    'model.json',
  ),
});

let held: HeldVersions<DescribedVersion>;
const released: string[] = [];
const waiting = new Set<string>();
beforeEach(() => {
  released.length = 0;
  waiting.clear();
  held = createHeldVersions({
    release: async ({ content }) => void released.push(content),
    isAwaited: async (content) => waiting.has(content),
    onReleased: () => {},
  });
  held.add(version('a'));
  held.add(version('b'));
});

/** Long enough for a release to happen, if one is allowed to. */
const moment = (): Promise<void> => pause(250);

it('releases a version that is retired, and remembers what it was', async () => {
  await held.retire('a');
  expect(released).toEqual(['a']);
  expect(held.get('a')).toBeUndefined();
  expect(held.hold('a')).toBeUndefined();
  expect(held.describe('a')).toEqual(version('a'));
  expect(held.contents()).toEqual(['b']);
});

it('releases nothing that a request holds, and lets it be found', async () => {
  const [first, second] = [held.hold('a')!, held.hold('a')!];
  const done = held.retire('a');
  first.letGo();
  first.letGo();
  await moment();
  expect(released).toEqual([]);
  expect(held.get('a')).toEqual(second.version);
  second.letGo();
  await done;
  expect(released).toEqual(['a']);
});

it('releases nothing whose rows wait, or have been taken in the meantime', async () => {
  waiting.add('a');
  const done = held.retire('a');
  await moment();
  expect(released).toEqual([]);
  const run = held.hold('a')!;
  waiting.delete('a');
  await moment();
  expect(released).toEqual([]);
  run.letGo();
  await done;
  expect(released).toEqual(['a']);
});

it('keeps a version that is wanted again before it was released', async () => {
  const hold = held.hold('a')!;
  const done = held.retire('a');
  held.add(version('a'));
  hold.letGo();
  await done;
  expect(released).toEqual([]);
  expect(held.get('a')).toBeDefined();
  await held.retire('a');
  expect(released).toEqual(['a']);
});

it('forgets the oldest of those that are gone', async () => {
  for (let i = 0; i < 70; i += 1) {
    held.add(version(`c${i}`));
    await held.retire(`c${i}`);
  }
  expect(held.describe('c0')).toBeUndefined();
  expect(held.describe('c69')).toBeDefined();
});

it('releases all when it closes, and waits for nobody', async () => {
  held.hold('a');
  const done = held.retire('a');
  await held.close();
  expect(released.sort()).toEqual(['a', 'b']);
  await vi.waitFor(() => done);
  expect(released).toHaveLength(2);
});
