export { appendGradients, appendGradientsIfAny } from './gradient.ts';
export { nodesWithoutRule } from './missing-rules.ts';
export { VJP_RULES } from './rules/index.ts';
export { samePadding } from './rules/window.ts';
export type { Target } from './vjp.ts';
