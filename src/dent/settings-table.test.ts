import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { RECIPE_FIELDS, type RecipeField } from './index.ts';

const PAGE = new URL('../../docs/recipes.md', import.meta.url);

const flag = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

function values(field: RecipeField): string {
  if ('words' in field) return field.words.map((word) => `\`${word}\``).join(', ');
  const { min, max, open, integer, or } = field;
  const range = `${integer ? 'whole number ' : ''}${open ? 'above ' : ''}${min} to ${max}`;
  return or === undefined ? range : `${range}, or \`${or}\``;
}

function row([name, field]: [string, RecipeField]): string {
  const says = field.consequence ?? `${field.says[0]!.toUpperCase()}${field.says.slice(1)}.`;
  return `| \`${name}\` | \`${flag(name)}\` | ${values(field)} | ${says} |`;
}

/** docs/recipes.md with the table of settings from the schema. `npm run docs:recipes` writes it. */
async function recipesPage(): Promise<string> {
  const table = [
    '| JSON | command line | values | what it does |',
    '|---|---|---|---|',
    '| `preset` | `--recipe` | a preset above | Where the settings start from. |',
    ...Object.entries<RecipeField>(RECIPE_FIELDS).map(row),
  ].join('\n');
  const page = await readFile(PAGE, 'utf8');
  return page.replace(/(?<=## Every setting\n\n)(\|.*\n)+/, () => `${table}\n`);
}

it('docs/recipes.md tells of every setting', async () => {
  const page = await recipesPage();
  for (const name of Object.keys(RECIPE_FIELDS)) expect(page).toContain(`| \`${name}\` |`);
  await expect(page).toMatchFileSnapshot(PAGE.pathname);
});
