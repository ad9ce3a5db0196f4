import { expect, it } from 'vitest';
import { generateSchema } from './generate.ts';

it('is what openapi.yaml describes (npm run client writes it)', async () => {
  const schema = await generateSchema(new URL('../../openapi.yaml', import.meta.url));
  await expect(schema).toMatchFileSnapshot('./src/schema.ts');
});
