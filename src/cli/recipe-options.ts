import { type Command, InvalidArgumentError, Option } from 'commander';
import { createRecipe, PRESETS, RECIPE_FIELDS, type Recipe } from '../dent/index.ts';

type RecipeField = keyof Recipe;

const DESCRIPTIONS: Readonly<Record<RecipeField, string>> = {
  steps: 'updates for each batch; 0 predicts with the unadapted parameters',
  scope: 'one scale and shift for the batch, or one for each row',
  statistics: 'BatchNorm mean and variance of the training run, of the batch, or both',
  prior: 'rows that the training run counts as under --statistics blend',
  objective: 'mean row entropy, or that minus the entropy of the mean prediction',
  optimizer: 'how the gradient becomes an update',
  lr: 'learning rate of scale and shift',
  beta1: 'momentum of sgd; decay of the first moment of adam and adamod',
  beta2: 'decay of the second moment',
  beta3: "decay of adamod's average of step sizes",
  rows: 'what the entropy sum is divided by; "batch": the rows at hand',
  sigma: 'initial standard deviation of the Gaussian input smoothing, in pixels',
  sigmaLr: 'learning rate of log sigma; 0 keeps sigma fixed',
  affine: 'whether scale and shift are adapted',
  small: 'what a coupled recipe does with a batch too small for it',
};

/** The recipe of commands that name none: the one whose answers do not depend on how a file is cut into batches. */
const DEFAULT_PRESET = 'isolated';

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

const flag = (field: RecipeField): string => `--${field.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

function parseField(field: RecipeField, text: string): string | number {
  const value = NUMBER.test(text) ? Number(text) : text;
  try {
    createRecipe({ [field]: value });
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return value;
}

/** Adds `--recipe` and one option for each field that overrides it, but `except`. A bad value is wrong usage. */
export function addRecipeOptions(command: Command, except?: RecipeField): Command {
  command.addOption(
    new Option('--recipe <preset>', 'the settings to start from')
      .choices(Object.keys(PRESETS))
      .default(DEFAULT_PRESET)
      .helpGroup('Recipe:'),
  );
  for (const field of Object.keys(RECIPE_FIELDS) as RecipeField[]) {
    if (field === except) continue;
    const rule = RECIPE_FIELDS[field];
    const values = 'length' in rule ? rule.join('|') : rule.or === undefined ? 'n' : `n|${rule.or}`;
    command.addOption(
      new Option(`${flag(field)} <${values}>`, DESCRIPTIONS[field])
        .argParser((text) => parseField(field, text))
        .helpGroup('Recipe:'),
    );
  }
  return command;
}

/** The recipe that the options of `addRecipeOptions` make, from what the command's action was given. */
export function recipeFromOptions(options: Readonly<Record<string, unknown>>): Recipe {
  const fields = Object.keys(RECIPE_FIELDS).filter((field) => options[field] !== undefined);
  const overrides = Object.fromEntries(fields.map((field) => [field, options[field]]));
  return createRecipe({ preset: options.recipe, ...overrides });
}
