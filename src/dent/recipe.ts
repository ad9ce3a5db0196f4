import { InputError } from '../errors.ts';
import { OBJECTIVES } from './objective.ts';
import { fieldFault, RECIPE_FIELDS, type Recipe } from './recipe-fields.ts';
import { STATISTICS } from './statistics.ts';

const base: Recipe = {
  steps: 0,
  scope: 'batch',
  statistics: 'source',
  prior: 16,
  margin: 0,
  divergence: 'off',
  divergenceRows: 20,
  objective: 'entropy',
  optimizer: 'adam',
  lr: 1e-3,
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

const sampleWise = {
  scope: 'sample',
  optimizer: 'adamod',
  lr: 6e-3,
  beta1: 0.99,
  beta3: 0.6,
  steps: 6,
} as const;

/** The named starting points; `dent` and `dent+` are the paper's (section 4.1). */
export const PRESETS = {
  static: base,
  norm: { ...base, statistics: 'batch' },
  blend: { ...base, statistics: 'blend' },
  tent: { ...base, steps: 1, statistics: 'batch' },
  dent: { ...base, steps: 10 },
  'dent+': { ...base, ...sampleWise, objective: 'infomax' },
  isolated: { ...base, ...sampleWise, rows: 128 },
  brief: { ...base, ...sampleWise, rows: 128, gate: 0.4, floor: 0.2 },
  auto: { ...base, statistics: 'auto' },
  'dent-smooth': { ...base, steps: 10, sigma: 0.5 },
} as const satisfies Record<string, Recipe>;

export type PresetName = keyof typeof PRESETS;

/**
 * A recipe from a preset (`static` where none is named) and the options that override it. Throws `InputError`
 * naming the options at fault.
 */
export function createRecipe(options: Readonly<Record<string, unknown>>): Recipe {
  const { preset = 'static', ...overrides } = options;
  const faults: string[] = [];
  if (typeof preset !== 'string' || !Object.hasOwn(PRESETS, preset)) {
    faults.push(
      `There is no preset ${JSON.stringify(preset)}; the presets are ${Object.keys(PRESETS).join(', ')}.`,
    );
  }
  for (const [field, value] of Object.entries(overrides)) {
    const fault = Object.hasOwn(RECIPE_FIELDS, field)
      ? fieldFault(field as keyof Recipe, value)
      : `There is no recipe option "${field}"; the options are preset, ${Object.keys(RECIPE_FIELDS).join(', ')}.`;
    if (fault !== undefined) faults.push(fault);
  }
  if (faults.length > 0) throw new InputError(faults);
  const recipe = { ...PRESETS[preset as PresetName], ...overrides };
  if (stopsRows(recipe) && !isSplittable({ ...recipe, steps: 1 })) throw new InputError(DEPENDENT_ROWS);
  return recipe;
}

const DEPENDENT_ROWS =
  'Recipe options "gate" and "floor" are for recipes whose rows are independent: scope "sample", statistics "source", objective "entropy" and a fixed number of "rows".';

/** Whether rows stop on their own, before the recipe's last step. */
export const stopsRows = ({ gate, floor }: Pick<Recipe, 'gate' | 'floor'>): boolean =>
  gate !== 'off' || floor !== 'off';

/** Whether the graph chooses the statistics of each batch by itself. */
export const isChosen = ({ statistics }: Pick<Recipe, 'statistics'>): boolean =>
  'isChosen' in STATISTICS[statistics];

/** True where a row's answer depends on the rows it is batched with. */
export function isCoupled(recipe: Recipe): boolean {
  if (STATISTICS[recipe.statistics].couplesRows) return true;
  if (recipe.steps === 0) return false;
  return recipe.scope === 'batch' || OBJECTIVES[recipe.objective].couplesRows;
}

/**
 * True where a batch may be run in parts: its rows are not coupled, and the objective divides by a fixed
 * number. An objective that divides by the number of rows would notice how many there are, though not which.
 */
export const isSplittable = (recipe: Recipe): boolean =>
  !isCoupled(recipe) && (recipe.rows !== 'batch' || recipe.steps === 0);

/**
 * Whether the rows share their parameters and the objective's gradient is a sum over rows. A pass may then go
 * through them part by part.
 */
export const isSumOverRows = (recipe: Recipe): boolean =>
  recipe.scope === 'batch' &&
  !STATISTICS[recipe.statistics].couplesRows &&
  !OBJECTIVES[recipe.objective].couplesRows;
