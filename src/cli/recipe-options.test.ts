import { Command, CommanderError } from 'commander';
import { expect, it } from 'vitest';
import { createRecipe, RECIPE_FIELDS, type Recipe } from '../dent/index.ts';
import { addRecipeOptions, recipeFromOptions } from './recipe-options.ts';

function parse(...args: string[]): Recipe {
  const command = addRecipeOptions(new Command('test'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  command.parse(args, { from: 'user' });
  return recipeFromOptions(command.opts());
}

it('starts from a preset, isolated where none is named', () => {
  expect(parse()).toEqual(createRecipe({ preset: 'isolated' }));
  expect(parse('--recipe', 'dent+')).toEqual(createRecipe({ preset: 'dent+' }));
});

it('overrides any field of the preset', () => {
  const args = [
    ['--steps', '3', 'steps', 3],
    ['--scope', 'batch', 'scope', 'batch'],
    ['--statistics', 'blend', 'statistics', 'blend'],
    ['--prior', '2.5', 'prior', 2.5],
    ['--margin', '-0.5', 'margin', -0.5],
    ['--divergence', '0.25', 'divergence', 0.25],
    ['--divergence-rows', '7', 'divergenceRows', 7],
    ['--objective', 'infomax', 'objective', 'infomax'],
    ['--optimizer', 'sgd', 'optimizer', 'sgd'],
    ['--lr', '1e-2', 'lr', 0.01],
    ['--beta1', '.5', 'beta1', 0.5],
    ['--beta2', '0.25', 'beta2', 0.25],
    ['--beta3', '0', 'beta3', 0],
    ['--rows', 'batch', 'rows', 'batch'],
    ['--sigma', '0.5', 'sigma', 0.5],
    ['--sigma-lr', '0', 'sigmaLr', 0],
    ['--gate', 'off', 'gate', 'off'],
    ['--floor', 'off', 'floor', 'off'],
    ['--affine', 'off', 'affine', 'off'],
    ['--small', 'adapt', 'small', 'adapt'],
  ] as const;
  const recipe = parse('--recipe', 'brief', ...args.flatMap((each) => each.slice(0, 2) as string[]));
  expect(recipe).toEqual(Object.fromEntries(args.map(([, , field, value]) => [field, value])));
  expect(Object.keys(recipe).toSorted()).toEqual(Object.keys(RECIPE_FIELDS).toSorted());
});

it('takes options that go with the preset alone', () => {
  const recipe = parse('--recipe', 'isolated', '--gate', '0.3', '--floor', '0.1');
  expect(recipe).toEqual(createRecipe({ preset: 'isolated', gate: 0.3, floor: 0.1 }));
});

it.each([
  ['--recipe', 'best'],
  ['--steps', '1.5'],
  ['--steps', 'many'],
  ['--steps', ''],
  ['--steps', '1001'],
  ['--sigma', '0'],
  ['--rows', 'all'],
  ['--scope', 'rows'],
])('takes %s %j for wrong usage that names the option', (flag, value) => {
  const parsing = (): Recipe => parse(flag, value);
  expect(parsing).toThrow(CommanderError);
  expect(parsing).toThrow(flag);
});
