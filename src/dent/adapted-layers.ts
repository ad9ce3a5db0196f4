import { InputError } from '../errors.ts';
import { describeNode, type Graph } from '../onnx/index.ts';
import type { Classifier } from './classifier.ts';
import { type AdaptableLayer, findLayers, isInTraining } from './layers.ts';
import { quantisingNode, runtimeNode } from './missing-rules.ts';
import type { Recipe } from './recipe-fields.ts';
import { createSearch } from './search.ts';
import { linkShared } from './shared-layers.ts';

/** Whether the recipe changes how layers normalise or scale. */
export const changesLayers = (recipe: Recipe): boolean =>
  recipe.statistics !== 'source' || (recipe.steps > 0 && recipe.affine === 'on');

/**
 * The layers that a recipe adapts. Throws `InputError` where there are none, or where none has the statistics
 * that the recipe replaces.
 */
export function adaptedLayers(recipe: Recipe, graph: Graph): readonly AdaptableLayer[] {
  if (!changesLayers(recipe)) return [];
  const { layers, refused } = findLayers(graph);
  if (layers.length === 0) {
    const [first] = refused;
    const advice = refused.some(isInTraining)
      ? 'Export the model in evaluation mode (docs/exporting.md).'
      : 'Recipes of 0 steps, such as static, serve the model as it is.';
    throw new InputError(
      first
        ? `${describeNode(first.node)} cannot be adapted: ${first.reason}. ${advice}`
        : 'The model has no normalisation layer and no convolution whose scale and shift could be adapted; recipes of 0 steps, such as static, serve it as it is.',
    );
  }
  if (recipe.statistics !== 'source' && !layers.some((layer) => layer.source)) {
    throw new InputError(
      `The recipe has statistics "${recipe.statistics}", but the model has no BatchNormalization node whose statistics could be replaced; export it with BatchNormalization kept.`,
    );
  }
  return linkShared(createSearch(graph), layers);
}

/** Throws where activations are quantised: their gradient is zero almost everywhere. */
export function refuseQuantised(classifier: Classifier): void {
  const node = quantisingNode(classifier);
  if (!node) return;
  throw new InputError(
    `The model is quantised (${describeNode(node)}), and whole numbers have no gradient; give the floating-point model that it was made from.`,
  );
}

/**
 * Throws where ONNX Runtime has rewritten the model for its own use: normalisations are folded then, and
 * fused operators have no gradient.
 */
export function refuseOptimised(classifier: Classifier): void {
  const node = runtimeNode(classifier);
  if (!node) return;
  throw new InputError(
    `ONNX Runtime has optimised this model for itself (${describeNode(node)} is an operator of its own); give the file from before, as it was exported.`,
  );
}
