export { adaptedLayers } from './adapted-layers.ts';
export { type AdaptiveForward, adaptiveForward } from './adaptive-forward.ts';
export type { OutputHint } from './choose-output.ts';
export {
  COMPILER_VERSION,
  type CompiledModel,
  type CompileOptions,
  compile,
} from './compile.ts';
export { cutting } from './cutting.ts';
export type { GraphRunner } from './graph-runner.ts';
export { type InputScaling, inputScaling } from './input-scaling.ts';
export { type DescribedValue, type Inspection, inspect } from './inspect.ts';
export { inDoublePrecision, rowEntropy } from './objective.ts';
export { COMMON_IMAGE_SIZE, type PreparedModel, prepare } from './prepare.ts';
export { type Reading, readingLines } from './reading.ts';
export {
  createRecipe,
  isChosen,
  isCoupled,
  isSplittable,
  PRESETS,
  type PresetName,
  stopsRows,
} from './recipe.ts';
export { fieldFault, RECIPE_FIELDS, type Recipe, type RecipeField } from './recipe-fields.ts';
export { type FarCache, rowsPerPart } from './rows-per-part.ts';
export { appliedRecipe, smallBatchPreset } from './small-batch.ts';
export { type TensorNames, tensorNames } from './tensor-names.ts';
export { type StoppedBy, stoppedBy, updatesMade } from './updates-made.ts';
