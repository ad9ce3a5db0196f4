import { expect, it } from 'vitest';
import { farCacheOf } from './far-cache.ts';

it.each([
  ['AMD EPYC', 'fast'],
  ['AMD EPYC 9R14', 'fast'],
  ['AMD Ryzen 9 7950X 16-Core Processor', 'fast'],
  ['Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz', 'slow'],
  ['Streamdmd', 'slow'],
  ['', 'slow'],
])('takes the far cache of %j for %s', (processor, expected) => {
  expect(farCacheOf(processor)).toBe(expected);
});
