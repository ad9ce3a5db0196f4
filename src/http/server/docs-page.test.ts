import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/http/build-test-app.ts';
import { createKey, digestOf, openKeyring } from '../../access/index.ts';
import { withChoices } from './served-choices.ts';

interface Parameter {
  in: string;
  name: string;
  schema: { enum?: string[] };
  example?: string;
}
interface Document {
  paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
}
const parametersOf = ({ paths }: Document) =>
  Object.values(paths).flatMap((methods) =>
    Object.values(methods).flatMap(({ parameters = [] }) => parameters),
  );

let test: TestApp;
beforeAll(async () => {
  test = await buildTestApp();
});
afterAll(() => test.app.close());

const read = async (at = test) => (await at.app.inject('/docs/json')).json() as Document;

it('offers the recipes and the models that are served as choices', async () => {
  const models = test.inference.models();
  const recipes = new Set(models.flatMap((model) => Object.keys(model.recipes ?? {})));
  expect(recipes.size).toBeGreaterThan(0);
  const parameters = parametersOf(await read());
  const asked = parameters.filter(({ in: where, name }) => where === 'query' && name === 'recipe');
  const named = parameters.filter(({ in: where, name }) => where === 'path' && /^(?:name|model)$/.test(name));
  expect(asked.length).toBeGreaterThan(2);
  expect(named.length).toBeGreaterThan(10);
  for (const { schema } of asked) expect(schema.enum).toEqual([...recipes]);
  for (const { schema, example } of named) {
    expect(schema.enum).toEqual(models.map(({ name }) => name));
    expect(schema.enum).toContain(example);
  }
});

it('has forms without fields that would be sent as samples', async () => {
  const properties = (document: object): string[] =>
    Object.keys(
      (document as { components: { schemas: Record<string, { properties: object }> } }).components.schemas
        .ImageForm!.properties,
    );
  expect(properties(await read())).toEqual(['image']);
  expect(properties(test.app.swagger())).toContain('recipe');
});

it('names no model where a key is needed to see them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dent-docs-'));
  const file = join(folder, 'keys.json');
  await writeFile(
    file,
    JSON.stringify({ keys: [{ name: 'app', sha256: digestOf(createKey()), scopes: ['predict'] }] }),
  );
  const keyring = await openKeyring(file, { read: () => {}, failed: () => {} });
  const guarded = await buildTestApp({ access: keyring });
  const parameters = parametersOf(await read(guarded));
  await guarded.app.close();
  keyring.close();
  await rm(folder, { recursive: true });
  const models = test.inference.models();
  const leaks = parameters.filter(({ schema }) => models.some(({ name }) => schema.enum?.includes(name)));
  expect(leaks).toEqual([]);
});

it('leaves the document as it is for others, and where nothing is served', async () => {
  const before = test.app.swagger() as unknown as Document;
  await read();
  expect(parametersOf(before).some(({ schema }) => schema.enum?.includes('colours'))).toBe(false);
  expect(withChoices(before, [])).toEqual(before);
});
