export { createBatchRun, holdVersions } from './batch-handler.ts';
export { chooseRecipe } from './choose.ts';
export { createInference } from './create-inference.ts';
export type { BatchOutcome, BatchRun } from './observer.ts';
export { type DecodedImage, predictBatch } from './predict-batch.ts';
export { entropyNats, softmax, topClass } from './probabilities.ts';
export { runRows, sliceAnswer } from './run-rows.ts';
export { sumStatistics } from './statistics.ts';
export { modelReasons } from './summary.ts';
