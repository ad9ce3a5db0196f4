import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { createRecipe, isCoupled, isSplittable, PRESETS, RECIPE_FIELDS, type Recipe } from './index.ts';

/** The settings that presets share unless they say otherwise. */
const common: Recipe = {
  steps: 0,
  scope: 'batch',
  statistics: 'source',
  prior: 16,
  margin: 0,
  divergence: 'off',
  divergenceRows: 20,
  objective: 'entropy',
  optimizer: 'adam',
  lr: 0.001,
  beta1: 0.9,
  beta2: 0.999,
  beta3: 0.999,
  rows: 'batch',
  sigma: 'off',
  sigmaLr: 0.25,
  gate: 'off',
  floor: 'off',
  affine: 'on',
  small: 'isolated',
};
const perRow = {
  steps: 6,
  scope: 'sample',
  optimizer: 'adamod',
  lr: 0.006,
  beta1: 0.99,
  beta3: 0.6,
} as const;

/** The presets as the documentation lists them. */
const TABLE: Readonly<Record<string, Recipe>> = {
  static: common,
  norm: { ...common, statistics: 'batch' },
  blend: { ...common, statistics: 'blend' },
  tent: { ...common, steps: 1, statistics: 'batch' },
  dent: { ...common, steps: 10 },
  'dent+': { ...common, ...perRow, objective: 'infomax' },
  isolated: { ...common, ...perRow, rows: 128 },
  brief: { ...common, ...perRow, rows: 128, gate: 0.4, floor: 0.2 },
  auto: { ...common, statistics: 'auto' },
  'dent-smooth': { ...common, steps: 10, sigma: 0.5 },
};

describe('presets', () => {
  it('are these and no others', () => {
    expect(Object.keys(PRESETS)).toEqual(Object.keys(TABLE));
  });

  it.each(Object.entries(TABLE))('%s is what it says', (preset, recipe) => {
    expect(createRecipe({ preset })).toEqual(recipe);
  });

  it('are static where none is named', () => {
    expect(createRecipe({})).toEqual(TABLE.static);
  });

  it('pass their own check', () => {
    for (const [preset, recipe] of Object.entries(PRESETS)) {
      expect(createRecipe({ preset, ...recipe })).toEqual(recipe);
    }
  });
});

describe('options', () => {
  it('override the preset', () => {
    const recipe = createRecipe({
      preset: 'dent+',
      steps: 0,
      rows: 64,
      sigma: 2,
      affine: 'off',
      small: 'adapt',
    });
    expect(recipe).toEqual({
      ...TABLE['dent+'],
      steps: 0,
      rows: 64,
      sigma: 2,
      affine: 'off',
      small: 'adapt',
    });
  });

  it('leave the preset as it was', () => {
    createRecipe({ preset: 'dent', steps: 3 });
    expect(PRESETS.dent.steps).toBe(10);
  });

  const ends: readonly [keyof Recipe, unknown][] = [
    ['steps', 1000],
    ['prior', 0],
    ['lr', 0],
    ['lr', 10],
    ['beta1', 0],
    ['beta3', 0.999999],
    ['rows', 1],
    ['rows', 'batch'],
    ['sigma', 'off'],
    ['sigma', 0.01],
    ['sigma', 2],
    ['sigmaLr', 0],
  ];
  it.each(ends)('%s may be %s', (field, value) => {
    expect(createRecipe({ [field]: value })[field]).toBe(value);
  });

  const words = (field: string, allowed: string) => (got: string) =>
    `Recipe option "${field}" must be one of ${allowed}; got ${got}.`;
  const range = (field: string, what: string) => (got: string) =>
    `Recipe option "${field}" must be ${what}; got ${got}.`;
  const steps = range('steps', 'a whole number from 0 to 1000');
  const rows = range('rows', 'a whole number from 1 to 1000000, or "batch"');
  const sigma = range('sigma', 'a number above 0 and up to 2, or "off"');
  const beta = (field: string) => range(field, 'a number from 0 to 0.999999');

  const bad: readonly [Record<string, unknown>, string][] = [
    [{ steps: -1 }, steps('-1')],
    [{ steps: 1001 }, steps('1001')],
    [{ steps: 1.5 }, steps('1.5')],
    [{ steps: '3' }, steps('"3"')],
    [{ steps: null }, steps('null')],
    [{ steps: Number.NaN }, steps('null')],
    [{ scope: 'row' }, words('scope', 'batch, sample')('"row"')],
    [{ scope: 1 }, words('scope', 'batch, sample')('1')],
    [{ statistics: 'both' }, words('statistics', 'source, batch, blend, auto')('"both"')],
    [{ prior: -0.1 }, range('prior', 'a number from 0 to 1000000')('-0.1')],
    [{ margin: -11 }, range('margin', 'a number from -10 to 10')('-11')],
    [{ divergence: -1 }, range('divergence', 'a number from 0 to 1000, or "off"')('-1')],
    [{ divergenceRows: 'batch' }, range('divergenceRows', 'a number from 0 to 1000000')('"batch"')],
    [{ objective: 'margin' }, words('objective', 'entropy, infomax')('"margin"')],
    [{ optimizer: 'Adam' }, words('optimizer', 'sgd, adam, adamod')('"Adam"')],
    [{ lr: -1e-3 }, range('lr', 'a number from 0 to 10')('-0.001')],
    [{ lr: Number.POSITIVE_INFINITY }, range('lr', 'a number from 0 to 10')('null')],
    [{ beta1: 1 }, beta('beta1')('1')],
    [{ beta2: 1 }, beta('beta2')('1')],
    [{ beta3: -0.5 }, beta('beta3')('-0.5')],
    [{ rows: 0 }, rows('0')],
    [{ rows: 2.5 }, rows('2.5')],
    [{ rows: 'all' }, rows('"all"')],
    [{ sigma: 0 }, sigma('0')],
    [{ sigma: 2.1 }, sigma('2.1')],
    [{ sigma: 'on' }, sigma('"on"')],
    [{ sigmaLr: 11 }, range('sigmaLr', 'a number from 0 to 10')('11')],
    [{ gate: 1.1 }, range('gate', 'a number from 0 to 1, or "off"')('1.1')],
    [{ floor: -0.1 }, range('floor', 'a number from 0 to 1, or "off"')('-0.1')],
    [{ affine: true }, words('affine', 'on, off')('true')],
    [{ small: 'refuse' }, words('small', 'isolated, static, adapt')('"refuse"')],
    [
      { preset: 'dent++' },
      'There is no preset "dent++"; the presets are static, norm, blend, tent, dent, dent+, isolated, brief, auto, dent-smooth.',
    ],
    [
      { preset: 'toString' },
      'There is no preset "toString"; the presets are static, norm, blend, tent, dent, dent+, isolated, brief, auto, dent-smooth.',
    ],
    [
      { preset: 'dent', step: 3 },
      'There is no recipe option "step"; the options are preset, steps, scope, statistics, prior, margin, divergence, divergenceRows, objective, optimizer, lr, beta1, beta2, beta3, rows, sigma, sigmaLr, gate, floor, affine, small.',
    ],
    [
      { constructor: 1 },
      'There is no recipe option "constructor"; the options are preset, steps, scope, statistics, prior, margin, divergence, divergenceRows, objective, optimizer, lr, beta1, beta2, beta3, rows, sigma, sigmaLr, gate, floor, affine, small.',
    ],
  ];
  it.each(bad)('%o is refused by name', (options, message) => {
    expect(() => createRecipe(options)).toThrow(new InputError(message));
  });

  it('are each refused with something', () => {
    const refused = new Set(bad.flatMap(([options]) => Object.keys(options)));
    expect(Object.keys(RECIPE_FIELDS).filter((field) => !refused.has(field))).toEqual([]);
  });
});

describe('coupling', () => {
  it.each<readonly [string, Record<string, unknown>, boolean, boolean]>([
    ['a static model', {}, false, true],
    ['statistics of the batch', { preset: 'norm' }, true, false],
    ['blended statistics', { preset: 'blend' }, true, false],
    ['statistics chosen for the batch', { preset: 'auto' }, true, false],
    ['one set of parameters for the batch', { preset: 'dent' }, true, false],
    ['that set, never updated', { preset: 'dent', steps: 0 }, false, true],
    ['infomax', { preset: 'dent+' }, true, false],
    ['rows of their own', { preset: 'isolated' }, false, true],
    ['rows of their own, divided by how many there are', { preset: 'isolated', rows: 'batch' }, false, false],
    [
      'rows of their own by statistics of the batch',
      { preset: 'isolated', statistics: 'batch' },
      true,
      false,
    ],
  ])('%s', (_what, options, coupled, splittable) => {
    const recipe = createRecipe(options);
    expect(isCoupled(recipe)).toBe(coupled);
    expect(isSplittable(recipe)).toBe(splittable);
  });
});
