import { expect, it } from 'vitest';
import { valuesSchema } from './values-schema.ts';

it('is the schema in the chart (npm run helm:schema writes it)', async () => {
  await expect(`${JSON.stringify(valuesSchema, undefined, 2)}\n`).toMatchFileSnapshot(
    'dent-serve/values.schema.json',
  );
});
