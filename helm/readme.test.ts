import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const chart = (file: string): string => readFileSync(new URL(`dent-serve/${file}`, import.meta.url), 'utf8');

/** The rows of the table in the README: `[path, default, description]`. */
const rows = [...chart('README.md').matchAll(/^\| (\S+) \| \w+ \| `(.*?)` \| (.*) \|$/gm)].map(
  ([, path, value, description]) => [path!, value!, description!] as const,
);
const values = parse(chart('values.yaml'));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const at = (path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], values);

/** Objects in the order in which the table has them. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
};

it('has every value with its default and what follows from it (helm-docs writes it)', () => {
  expect(rows.length).toBeGreaterThan(100);
  for (const [path, value, description] of rows) {
    expect(at(path), path).toBeDefined();
    expect(value, path).toBe(at(path) === null ? 'nil' : JSON.stringify(sorted(at(path))));
    expect(description.length, path).toBeGreaterThan(5);
  }
});

it('leaves no value out', () => {
  const named = rows.map(([path]) => path);
  const check = (value: unknown, path: string): void => {
    if (named.includes(path)) return;
    expect(isObject(value) && Object.keys(value).length > 0, path).toBe(true);
    for (const [key, inner] of Object.entries(value as object)) check(inner, `${path}.${key}`);
  };
  for (const [key, value] of Object.entries(values)) check(value, key);
});
