import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  createRecipe,
  fieldFault,
  PRESETS,
  RECIPE_FIELDS,
  type Recipe,
  type RecipeField,
} from '../dent/index.ts';

type FieldName = keyof Recipe;

/** The recipe of commands that name none. Its answers do not depend on how a file is cut into batches. */
const DEFAULT_PRESET = 'isolated';

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

const flag = (field: FieldName): string => `--${field.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

function parseField(field: FieldName, text: string): string | number {
  const value = NUMBER.test(text) ? Number(text) : text;
  const fault = fieldFault(field, value);
  if (fault !== undefined) throw new InvalidArgumentError(fault);
  return value;
}

/**
 * Adds `--recipe` and one option for each field that overrides it, except for `except`. A bad value is wrong
 * usage.
 */
export function addRecipeOptions(command: Command, except?: FieldName): Command {
  command.addOption(
    new Option('--recipe <preset>', 'the settings to start from')
      .choices(Object.keys(PRESETS))
      .default(DEFAULT_PRESET)
      .helpGroup('Recipe:'),
  );
  for (const field of Object.keys(RECIPE_FIELDS) as FieldName[]) {
    if (field === except) continue;
    const rule: RecipeField = RECIPE_FIELDS[field];
    const values = 'words' in rule ? rule.words.join('|') : rule.or === undefined ? 'n' : `n|${rule.or}`;
    command.addOption(
      new Option(`${flag(field)} <${values}>`, rule.says)
        .argParser((text) => parseField(field, text))
        .helpGroup('Recipe:'),
    );
  }
  return command;
}

/** The recipe from the options of `addRecipeOptions`, as the command's action receives them. */
export function recipeFromOptions(options: Readonly<Record<string, unknown>>): Recipe {
  const fields = Object.keys(RECIPE_FIELDS).filter((field) => options[field] !== undefined);
  const overrides = Object.fromEntries(fields.map((field) => [field, options[field]]));
  return createRecipe({ preset: options.recipe, ...overrides });
}
