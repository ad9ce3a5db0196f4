export { appendGradients } from './gradient.ts';
export { NOT_DIFFERENTIABLE, VJP_RULES } from './rules/index.ts';
export type { Target } from './vjp.ts';
