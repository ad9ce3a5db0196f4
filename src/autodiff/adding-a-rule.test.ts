import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The code blocks of the page, each under the path it was taken from. */
const quotes = Array.from(
  read('docs/adding-a-rule.md').matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs),
  ([, path, code]) => [path!, code!] as const,
);

it('quotes code', () => expect(quotes.length).toBeGreaterThanOrEqual(4));

it.each(quotes)('docs/adding-a-rule.md quotes %s as it is', (path, code) => {
  expect(read(path)).toContain(code);
});
