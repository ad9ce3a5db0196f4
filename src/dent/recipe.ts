import { InputError } from '../errors.ts';

/** One complete set of adaptation settings. Field names and meanings are those of the command line's options. */
export interface Recipe {
  /** Updates for each batch; 0 predicts with the unadapted parameters. */
  readonly steps: number;
  /** One set of scale and shift for the batch (dent), or one for each row (dent+). */
  readonly scope: 'batch' | 'sample';
  /** BatchNorm mean and variance: of the training run, of the batch (biased variance), or both weighted. */
  readonly statistics: 'source' | 'batch' | 'blend';
  /** How many rows the source statistics count for under `blend` (Schneider et al. 2020, equation 1). */
  readonly prior: number;
  /** Mean row entropy, or that minus the entropy of the mean prediction. */
  readonly objective: 'entropy' | 'infomax';
  readonly optimizer: 'sgd' | 'adam' | 'adamod';
  readonly lr: number;
  /** Momentum of sgd; decay of the first moment of adam and adamod. */
  readonly beta1: number;
  readonly beta2: number;
  /** Decay of adamod's average of step sizes. */
  readonly beta3: number;
  /** What the entropy sum is divided by; `batch`: the rows at hand. */
  readonly rows: number | 'batch';
  /** Initial standard deviation of the Gaussian input smoothing in pixels, or off. */
  readonly sigma: number | 'off';
  /** Learning rate of log sigma; 0 keeps sigma fixed. */
  readonly sigmaLr: number;
  /** Whether scale and shift are adapted. */
  readonly affine: 'on' | 'off';
  /** What a coupled recipe does with a batch too small for it. */
  readonly small: 'isolated' | 'static' | 'adapt';
}

const base: Recipe = {
  steps: 0,
  scope: 'batch',
  statistics: 'source',
  prior: 16,
  objective: 'entropy',
  optimizer: 'adam',
  lr: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  beta3: 0.999,
  rows: 'batch',
  sigma: 'off',
  sigmaLr: 0.25,
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
  'dent-smooth': { ...base, steps: 10, sigma: 0.5 },
} as const satisfies Record<string, Recipe>;

export type PresetName = keyof typeof PRESETS;

interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
  /** The minimum itself is not allowed. */
  readonly open?: boolean;
  /** A word that may stand instead of a number. */
  readonly or?: string;
}

type FieldRule = readonly string[] | NumberRange;

/** The values that each field may take: a closed set of words, or a range of numbers. */
export const RECIPE_FIELDS: { readonly [K in keyof Recipe]: FieldRule } = {
  steps: { min: 0, max: 1000, integer: true },
  scope: ['batch', 'sample'],
  statistics: ['source', 'batch', 'blend'],
  prior: { min: 0, max: 1e6 },
  objective: ['entropy', 'infomax'],
  optimizer: ['sgd', 'adam', 'adamod'],
  lr: { min: 0, max: 10 },
  beta1: { min: 0, max: 0.999999 },
  beta2: { min: 0, max: 0.999999 },
  beta3: { min: 0, max: 0.999999 },
  rows: { min: 1, max: 1e6, integer: true, or: 'batch' },
  sigma: { min: 0, max: 2, open: true, or: 'off' },
  sigmaLr: { min: 0, max: 10 },
  affine: ['on', 'off'],
  small: ['isolated', 'static', 'adapt'],
};

/** What is wrong with the value, in a sentence. */
function fieldFault(field: keyof Recipe, value: unknown): string | undefined {
  const rule = RECIPE_FIELDS[field];
  if ('length' in rule) {
    if (typeof value === 'string' && rule.includes(value)) return undefined;
    return `Recipe option "${field}" must be one of ${rule.join(', ')}; got ${JSON.stringify(value)}.`;
  }
  if (rule.or !== undefined && value === rule.or) return undefined;
  const fits =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (rule.open ? value > rule.min : value >= rule.min) &&
    value <= rule.max &&
    (!rule.integer || Number.isInteger(value));
  if (fits) return undefined;
  const kind = rule.integer ? 'a whole number' : 'a number';
  const from = rule.open ? `above ${rule.min} and up to ${rule.max}` : `from ${rule.min} to ${rule.max}`;
  const word = rule.or === undefined ? '' : `, or "${rule.or}"`;
  return `Recipe option "${field}" must be ${kind} ${from}${word}; got ${JSON.stringify(value)}.`;
}

/**
 * A recipe from a preset (`static` where none is named) and the options that override it.
 * Throws `InputError` naming the options at fault.
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
  return { ...PRESETS[preset as PresetName], ...overrides };
}

/** True where a row's answer depends on the rows it is batched with. */
export function isCoupled(recipe: Recipe): boolean {
  if (recipe.statistics !== 'source') return true;
  if (recipe.steps === 0) return false;
  return recipe.scope === 'batch' || recipe.objective === 'infomax';
}

/**
 * True where a batch may be run in parts: its rows are not coupled, and the objective divides by a fixed number. One that
 * divides by the rows at hand feels how many there are, though not which.
 */
export const isSplittable = (recipe: Recipe): boolean =>
  !isCoupled(recipe) && (recipe.rows !== 'batch' || recipe.steps === 0);

/**
 * Whether the rows share their parameters and the objective's gradient is a sum over rows: a pass may then go through them part by part.
 */
export const isSumOverRows = (recipe: Recipe): boolean =>
  recipe.scope === 'batch' && recipe.statistics === 'source' && recipe.objective === 'entropy';
