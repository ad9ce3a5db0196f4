import type { VjpEntry } from '../vjp.ts';
import { ACTIVATION_RULES } from './activation.ts';
import { ARITHMETIC_RULES } from './arithmetic.ts';
import { CONVOLUTION_RULES } from './convolution.ts';
import { LINEAR_RULES } from './linear.ts';
import { NORMALIZATION_RULES } from './normalization.ts';
import { POOLING_RULES } from './pooling.ts';
import { REDUCTION_RULES } from './reduction.ts';
import { RESIZE_RULES } from './resize.ts';
import { SELECTION_RULES } from './selection.ts';
import { SHAPE_RULES } from './shape.ts';

/** The contents page: every op of the ai.onnx domain that a gradient can pass through. */
export const VJP_RULES: Readonly<Record<string, VjpEntry>> = {
  ...ARITHMETIC_RULES,
  ...ACTIVATION_RULES,
  ...REDUCTION_RULES,
  ...SHAPE_RULES,
  ...SELECTION_RULES,
  ...RESIZE_RULES,
  ...LINEAR_RULES,
  ...CONVOLUTION_RULES,
  ...POOLING_RULES,
  ...NORMALIZATION_RULES,
};

/** Ops whose outputs are piecewise constant or sizes: the gradient through them is zero. */
export const NOT_DIFFERENTIABLE: ReadonlySet<string> = new Set([
  'Shape',
  'Size',
  'ConstantOfShape',
  'Range',
  'Floor',
  'Ceil',
  'Round',
  'Sign',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'And',
  'Or',
  'Not',
  'ArgMax',
  'ArgMin',
  'NonZero',
  'OneHot',
  'IsNaN',
  'IsInf',
]);
