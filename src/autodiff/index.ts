export { appendGradients, variablesOf } from './gradient.ts';
export { VJP_RULES } from './rules/index.ts';
export type { Target } from './vjp.ts';
