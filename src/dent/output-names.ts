import type { Classifier } from './classifier.ts';

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
  STATIC_OUTPUT,
  ENTROPY_OUTPUT,
  TOP_OUTPUT,
  SIGMA_OUTPUT,
  PARAMETERS_OUTPUT,
  BLENDED_OUTPUT,
  DIVERGENCE_OUTPUT,
  ...Object.values(PASS_OUTPUTS),
]);

/** The name of the adapted logits: that of the model's own output, unless another output has it. */
export const logitsName = ({ outputName }: Pick<Classifier, 'outputName'>): string =>
  OWN.has(outputName) ? `${outputName}_logits` : outputName;
