import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { otherNames, valuesSchema } from './values-schema.ts';

it('is the schema in the chart (npm run helm:schema writes it)', async () => {
  await expect(`${JSON.stringify(valuesSchema, undefined, 2)}\n`).toMatchFileSnapshot(
    'dent-serve/values.schema.json',
  );
});

it('lets the names of other charts through, and none of this one is among them', () => {
  const values = parse(readFileSync(new URL('dent-serve/values.yaml', import.meta.url), 'utf8'));
  for (const path of Object.keys(otherNames)) {
    const keys = path.split('.');
    const owner = keys.slice(0, -1).reduce((branch, key) => branch[key], values) ?? {};
    expect(Object.keys(owner), path).not.toContain(keys.at(-1));
  }
});
