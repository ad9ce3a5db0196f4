import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createUpload, createUploadRoom, type Upload } from './upload-room.ts';

const KIB = 1024;
const MIB = KIB ** 2;

let room: ReturnType<typeof createUploadRoom>;
let refused: Upload[];
beforeEach(() => {
  vi.useFakeTimers();
  room = createUploadRoom(40 * MIB);
  refused = [];
});
afterEach(() => vi.useRealTimers());

function upload(bytes: number, announced: number | undefined = 10 * MIB): Upload {
  const created: Upload = createUpload(announced, () => refused.push(created));
  expect(room.enter(created)).toBe(true);
  expect(room.take(created, bytes)).toBe(true);
  return created;
}

it('keeps a quarter for small bodies', () => {
  for (let i = 0; i < 3; i++) upload(10 * MIB);
  const large = createUpload(undefined, () => {});
  room.enter(large);
  expect(room.take(large, 1)).toBe(false);
  room.leave(large);
  for (let i = 0; i < 10; i++) upload(MIB, MIB);
  const small = createUpload(1, () => {});
  room.enter(small);
  expect(room.take(small, 1)).toBe(false);
});

it('has slow uploads make room, the oldest first, however fast they began', () => {
  const stalled = upload(10 * MIB);
  const trickling = upload(9 * MIB);
  const steady = upload(1 * MIB);
  const arrived = upload(9 * MIB);
  arrived.arrived = true;
  for (let s = 0; s < 12; s++) {
    vi.advanceTimersByTime(1000);
    expect(room.take(trickling, KIB)).toBe(true);
    expect(room.take(steady, 20 * KIB)).toBe(true);
  }
  expect(refused).toEqual([]);
  const first = upload(5 * MIB);
  expect(refused).toEqual([stalled]);
  expect(room.take(stalled, 1)).toBe(false);
  room.take(first, 5 * MIB);
  upload(9 * MIB);
  expect(refused).toEqual([stalled, trickling]);
  const last = createUpload(10 * MIB, () => {});
  room.enter(last);
  expect(room.take(last, 10 * MIB)).toBe(false);
  expect(refused).not.toContain(steady);
});

it('bounds their number, of which small ones have a quarter for themselves', () => {
  for (let i = 0; i < 768; i++) upload(0);
  expect(room.enter(createUpload(10 * MIB, () => {}))).toBe(false);
  // A refused upload takes no place.
  for (let i = 0; i < 256; i++) upload(0, 10);
  expect(room.enter(createUpload(10, () => {}))).toBe(false);
});

it('forgets what has left, and counts what was corrected', () => {
  for (let i = 0; i < 100; i++) room.leave(upload(10 * MIB));
  const packed = upload(30 * MIB);
  room.resize(packed, 1);
  room.leave(upload(29 * MIB));
  room.leave(packed);
  room.leave(packed);
  upload(30 * MIB);
});
