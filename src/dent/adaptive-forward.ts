import {
  DATA_TYPE,
  float32Constant,
  type Graph,
  GraphBuilder,
  type Node,
  type Value,
  withoutUnused,
} from '../onnx/index.ts';
import { type Around, affineOf, applyLayer, batchShare, parameterRows, split } from './affine.ts';
import { bareLayer } from './bare-layer.ts';
import type { Classifier } from './classifier.ts';
import type { AdaptableLayer } from './layers.ts';
import type { Recipe } from './recipe-fields.ts';
import { firstUses } from './shared-layers.ts';
import { smooth } from './smoothing.ts';

/** The classifier as a function of an image batch and its adapted parameters. */
export interface AdaptiveForward {
  /**
   * Inputs: the image [N, C, H, W] and the parameters [R, P], R being 1 or N by scope. Outputs: logits [N, K]
   * and, with smoothing, sigma [R].
   */
  readonly graph: Graph;
  /**
   * P: one offset to each trained scale, one to each trained shift, and one to log sigma, where the recipe
   * adapts them. Adaptation starts from zero.
   */
  readonly parameterCount: number;
  /** Learning rate of each parameter, [P]. */
  readonly learningRates: Float32Array;
}

/**
 * Rewrites the classifier so that each layer's scale and shift, and the smoothing, come from one flat
 * parameter tensor. For source statistics the normalisation becomes one multiplication and one addition, y =
 * x * s + t with s = scale / sqrt(var + eps) and t = shift - mean * s. The s and t of all layers are computed
 * at once.
 */
export function adaptiveForward(
  classifier: Classifier,
  layers: readonly AdaptableLayer[],
  recipe: Recipe,
  around: Around = {},
): AdaptiveForward {
  const { graph } = classifier.model;
  const builder = new GraphBuilder();
  for (const [value, constant] of graph.initializers) builder.adopt(value, constant);
  const widths = parameterWidths(layers, recipe);
  const parameterCount = 2 * widths.affine + widths.sigma;
  const rows = parameterRows(recipe);
  const parameters: Value = {
    name: 'parameters',
    type: { dataType: DATA_TYPE.float32, shape: [rows, parameterCount] },
  };
  const used = [widths.affine, widths.affine, widths.sigma].filter((width) => width > 0);
  const offsets = used.length > 0 ? split(builder, parameters, used) : [];
  const affine = affineOf(
    builder,
    widths.affine > 0 ? [offsets[0]!, offsets[1]!] : undefined,
    layers,
    recipe,
  );
  const rewired = new Map<Value, Value>();
  const outputs: Value[] = [];
  if (recipe.sigma !== 'off') {
    const learned = widths.sigma > 0 ? offsets.at(-1)! : undefined;
    const offset = learned ?? builder.constant(float32Constant([1, 1], [0]), 'no_offset');
    const smoothed = smooth(builder, classifier.input, recipe.sigma, offset, learned ? rows : 1);
    rewired.set(classifier.input, smoothed.image);
    outputs.push(smoothed.sigma);
  }
  const share = batchShare(builder, classifier.input, recipe, around);
  const byNode = new Map<Node, number>(layers.map((layer, i) => [layer.node, i]));
  const current = (value: Value): Value => rewired.get(value) ?? value;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((value) => value && current(value));
    const i = byNode.get(node);
    if (i === undefined) {
      builder.append({ ...node, inputs });
      continue;
    }
    const x = bareLayer(builder, layers[i]!, inputs, current);
    rewired.set(
      node.outputs[0]!,
      applyLayer(builder, layers[i]!, x, affine[i]!, { share, valid: around.valid }),
    );
  }
  const logits = current(classifier.logits);
  return {
    graph: withoutUnused(
      builder.build('adaptive forward', [classifier.input, parameters], [logits, ...outputs]),
    ),
    parameterCount,
    learningRates: new Float32Array(parameterCount).fill(recipe.lr).fill(recipe.sigmaLr, 2 * widths.affine),
  };
}

/** How many of each kind of parameter the recipe adapts. A recipe without steps adapts none. */
function parameterWidths(
  layers: readonly AdaptableLayer[],
  recipe: Recipe,
): { affine: number; sigma: 0 | 1 } {
  if (recipe.steps === 0) return { affine: 0, sigma: 0 };
  const channels = firstUses(layers).reduce((sum, layer) => sum + layer.channels, 0);
  return {
    affine: recipe.affine === 'on' ? channels : 0,
    sigma: recipe.sigma !== 'off' && recipe.sigmaLr > 0 ? 1 : 0,
  };
}
