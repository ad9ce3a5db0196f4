import { OBJECTIVES } from './objective.ts';
import { OPTIMIZERS } from './optimizer.ts';
import { STATISTICS } from './statistics.ts';

/** A setting whose value is one of a closed set of words. */
export interface WordField<W extends string = string> {
  readonly words: readonly W[];
  /** What it sets, in a few words. */
  readonly says: string;
  /** A consequence worth a sentence of its own. */
  readonly consequence?: string;
}

/** A setting whose value is a number in a range. */
export interface NumberField<W extends string = string> extends Omit<WordField, 'words'> {
  readonly min: number;
  readonly max: number;
  readonly integer?: true;
  /** The minimum itself is not allowed. */
  readonly open?: true;
  /** A word that is allowed instead of a number. */
  readonly or?: W;
}

export type RecipeField = WordField | NumberField;

const word = <W extends string>(words: readonly W[], says: string, consequence?: string): WordField<W> => ({
  words,
  says,
  ...(consequence !== undefined && { consequence }),
});

const number = <W extends string = never>(field: NumberField<W>): NumberField<W> => field;

/** The names of a table, in its order. */
const names = <T extends object>(table: T): readonly (keyof T & string)[] =>
  Object.keys(table) as (keyof T & string)[];

const DECAY = { min: 0, max: 0.999999 } as const;

/**
 * Every setting of a recipe. This one table makes the type of a recipe, its check, the command-line options,
 * the schema of the API and the table in the documentation.
 */
export const RECIPE_FIELDS = {
  steps: number({
    min: 0,
    max: 1000,
    integer: true,
    says: 'updates for each batch; 0 predicts with the unadapted parameters',
    consequence:
      'Updates for each batch; 0 predicts with the trained parameters. Time grows linearly with it.',
  }),
  scope: word(
    ['batch', 'sample'],
    'one scale and shift for the batch, or one for each row',
    'One scale and shift for the batch, or one for each row (`sample`), which moves further in fewer steps.',
  ),
  statistics: word(
    names(STATISTICS),
    'BatchNorm mean and variance of the training run, of the batch, both, or what suits the batch',
    'Mean and variance of BatchNormalization: of the training run (`source`), of the rows at hand (`batch`), of both (`blend`), or for each batch source or blend, whichever makes the unadapted model surer (`auto`).',
  ),
  prior: number({
    min: 0,
    max: 1e6,
    says: 'under statistics blend and auto, the weight of the training run as a number of rows',
  }),
  margin: number({
    min: -10,
    max: 10,
    says: 'under statistics auto, the blend is taken if it makes the model less sure by at most this many nats',
  }),
  divergence: number({
    min: 0,
    max: 1000,
    or: 'off',
    says: 'under statistics auto, how many nats make a batch look shifted; below it the source is kept',
    consequence:
      "Under statistics auto, a batch looks shifted if its mean and variance are this many nats or more from the training run's. Below it the batch keeps the source. `dent calibrate` finds it, with `margin` and `divergenceRows`.",
  }),
  divergenceRows: number({
    min: 0,
    max: 1e6,
    says: 'rows of a batch for which the limit of divergence is doubled, as few rows diverge by chance',
    consequence: 'Few rows diverge by chance: for n rows the limit is divergence · (1 + divergenceRows / n).',
  }),
  objective: word(
    names(OBJECTIVES),
    'mean row entropy, or that minus the entropy of the mean prediction',
    '`entropy` makes each prediction confident; `infomax` also wants the batch spread over the classes.',
  ),
  optimizer: word(
    names(OPTIMIZERS),
    'how the gradient becomes an update',
    'adam and adamod divide a gradient by its own size, so the first steps are as long as `lr` whatever the picture; steps of sgd are as long as the gradient.',
  ),
  lr: number({ min: 0, max: 10, says: 'learning rate of scale and shift' }),
  beta1: number({ ...DECAY, says: 'momentum of sgd; decay of the first moment of adam and adamod' }),
  beta2: number({ ...DECAY, says: 'decay of the second moment' }),
  beta3: number({ ...DECAY, says: "decay of adamod's average of step sizes" }),
  rows: number({
    min: 1,
    max: 1e6,
    integer: true,
    or: 'batch',
    says: 'what the entropy sum is divided by; batch: the rows at hand',
    consequence:
      "What the entropy sum is divided by; `batch`: the rows at hand. A fixed number makes a row's answer independent of how many others there are.",
  }),
  sigma: number({
    min: 0,
    max: 2,
    open: true,
    or: 'off',
    says: 'initial standard deviation of the Gaussian input smoothing, in pixels',
  }),
  sigmaLr: number({ min: 0, max: 10, says: 'learning rate of log sigma; 0 keeps sigma fixed' }),
  gate: number({
    min: 0,
    max: 1,
    or: 'off',
    says: 'a row whose unadapted entropy is below this share of ln K is answered by the model as it is',
    consequence:
      'A row whose unadapted entropy is below this share of ln K (K classes) is answered by the model as it is. For recipes whose rows are independent.',
  }),
  floor: number({
    min: 0,
    max: 1,
    or: 'off',
    says: 'a row whose entropy has fallen below this share of ln K makes no further step',
    consequence:
      'A row whose entropy has fallen below this share of ln K makes no further step. For recipes whose rows are independent.',
  }),
  affine: word(
    ['on', 'off'],
    'whether scale and shift are adapted',
    'Whether scale and shift are adapted; `off` adapts the smoothing alone.',
  ),
  small: word(
    ['isolated', 'static', 'adapt'],
    'what a coupled recipe does with a batch too small for it',
    `What a batch gets that is too small for the recipe: below ${OBJECTIVES.infomax.rowsMin} rows for \`infomax\`, below ${STATISTICS.batch.rowsMin} for \`batch\` statistics. \`adapt\` goes ahead all the same.`,
  ),
};

type Fields = typeof RECIPE_FIELDS;
type ValueOf<F> = F extends WordField<infer W> ? W : F extends NumberField<infer W> ? number | W : never;

/** One complete set of adaptation settings. */
export type Recipe = { readonly [K in keyof Fields]: ValueOf<Fields[K]> };

/** What is wrong with the value of a field, in a sentence. */
export function fieldFault(name: keyof Recipe, value: unknown): string | undefined {
  const field: RecipeField = RECIPE_FIELDS[name];
  const got = `got ${JSON.stringify(value)}.`;
  if ('words' in field) {
    if (typeof value === 'string' && field.words.includes(value)) return undefined;
    return `Recipe option "${name}" must be one of ${field.words.join(', ')}; ${got}`;
  }
  if (field.or !== undefined && value === field.or) return undefined;
  const { min, max, open = false, integer = false } = field;
  const fits =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (open ? value > min : value >= min) &&
    value <= max &&
    (!integer || Number.isInteger(value));
  if (fits) return undefined;
  const kind = integer ? 'a whole number' : 'a number';
  const from = open ? `above ${min} and up to ${max}` : `from ${min} to ${max}`;
  const or = field.or === undefined ? '' : `, or "${field.or}"`;
  return `Recipe option "${name}" must be ${kind} ${from}${or}; ${got}`;
}
