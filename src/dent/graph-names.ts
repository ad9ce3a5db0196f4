import type { Classifier } from './classifier.ts';

/** The inputs of self-adapting graphs beside the image. */
export const STEPS_INPUT = 'steps';
/** How many rows count, an int64 scalar: in padded graphs. They are the first ones. */
export const VALID_ROWS_INPUT = 'valid_rows';

/** The inputs of the graph of one pass beside the image. */
export const PASS_INPUTS = {
  /**
   * The parameters and the optimizer's state from the pass before, [tensors, parameters]. Zeros for the first
   * pass.
   */
  carried: 'carried',
  /** The gradient from the pass before, summed over all rows, [1, parameters]. */
  gradient: 'gradient',
  /**
   * How many updates are made when this pass predicts, including its own. 0 for the first pass, which makes
   * none.
   */
  updates: 'updates',
  /** How many rows the whole batch has, a float32 scalar. */
  rows: 'batch_rows',
  /** Whether a gradient is wanted. */
  adapt: 'adapt',
} as const;

/** The outputs of compiled graphs beside the adapted logits. Runners read them by these names. */
export const STATIC_OUTPUT = 'static_logits';
export const ENTROPY_OUTPUT = 'entropy';
export const TOP_OUTPUT = 'top';
export const SIGMA_OUTPUT = 'sigma';
export const PARAMETERS_OUTPUT = 'parameters';
export const BLENDED_OUTPUT = 'blended';
export const DIVERGENCE_OUTPUT = 'divergence';
/** And those of the graph of one pass. */
export const PASS_OUTPUTS = { carried: 'next_carried', gradient: 'next_gradient' } as const;

const OWN: ReadonlySet<string> = new Set([
  STEPS_INPUT,
  VALID_ROWS_INPUT,
  ...Object.values(PASS_INPUTS),
  STATIC_OUTPUT,
  ENTROPY_OUTPUT,
  TOP_OUTPUT,
  SIGMA_OUTPUT,
  PARAMETERS_OUTPUT,
  BLENDED_OUTPUT,
  DIVERGENCE_OUTPUT,
  ...Object.values(PASS_OUTPUTS),
]);

/** The name of the image: that of the model's own input, unless graphs need it themselves. */
export const imageName = ({ input: { name } }: Pick<Classifier, 'input'>): string =>
  OWN.has(name) ? `${name}_image` : name;

/** The name of the adapted logits: that of the model's own output, unless graphs need it themselves. */
export const logitsName = ({ outputName }: Pick<Classifier, 'outputName'>): string =>
  OWN.has(outputName) ? `${outputName}_logits` : outputName;
