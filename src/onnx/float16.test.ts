import { describe, expect, it } from 'vitest';
import { fromFloat16, toFloat16 } from './float16.ts';

describe('float16', () => {
  it('comes back from its number, all 65,536 of them', () => {
    const bits = Array.from({ length: 0x10000 }, (_, i) => i);
    const isNaN16 = (b: number) => (b & 0x7c00) === 0x7c00 && (b & 0x3ff) !== 0;
    expect(bits.filter((b) => !isNaN16(b) && toFloat16(fromFloat16(b)) !== b)).toEqual([]);
    expect(Number.isNaN(fromFloat16(toFloat16(Number.NaN)))).toBe(true);
  });

  it.each([
    [1 + 2 ** -11, 1],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
    [2047.5, 2048],
    [65_519, 65_504],
    [65_520, Number.POSITIVE_INFINITY],
    [-1e9, Number.NEGATIVE_INFINITY],
    [2 ** -25, 0],
    [2 ** -25 * 1.01, 2 ** -24],
    [2 ** -14 - 2 ** -26, 2 ** -14],
  ])('rounds %s to %s', (value, rounded) => {
    expect(fromFloat16(toFloat16(value))).toBe(rounded);
  });
});
