import { expect, it } from 'vitest';
import { chooseTimeout } from './choose.ts';

it('takes a longer wait than the model allows for the longest', () => {
  expect(chooseTimeout(undefined, 500)).toBe(500);
  expect(chooseTimeout(20, 500)).toBe(20);
  expect(chooseTimeout(500, 500)).toBe(500);
  expect(chooseTimeout(501, 500)).toBe(500);
  expect(chooseTimeout(1e30, 500)).toBe(500);
  for (const wrong of [0, -1, Number.NaN]) {
    expect(() => chooseTimeout(wrong, 500)).toThrow('"timeout_ms" must be at least 1');
  }
});
