import { appendIf, DATA_TYPE, type Graph, type GraphBuilder, inline, type Value } from '../onnx/index.ts';
import { adaptiveForward } from './adaptive-forward.ts';
import { BATCH } from './batch-axis.ts';
import type { Components } from './components.ts';
import { withDivergence } from './divergence.ts';
import { sumOfRows, type Valid } from './padding.ts';
import { PRESETS } from './recipe.ts';
import { type Prediction, predictionOf, type Rows } from './row-passes.ts';

/** What the unadapted model says of a batch by either statistics, and which of them the batch is to have. */
export interface ChosenStatistics {
  readonly source: Prediction;
  /** Where the blend is not taken, it may be the source's. */
  readonly blend: Prediction;
  /** A bool scalar: whether the blend is taken. */
  readonly blends: Value;
  /** How far the batch's statistics are from the training run's, a float32 scalar. Where it decides. */
  readonly divergence?: Value;
}

/**
 * Compares for the whole batch how sure the unadapted model is by the training run's statistics and by the
 * blend. The surer one is taken, and the blend also where it is less sure by less than the margin. With a
 * limit to the divergence the blend must besides be called for: a batch whose statistics are near the
 * training run's stays with these, and saves the second pass. Entropies that are no numbers leave the source.
 */
export function chooseStatistics(
  builder: GraphBuilder,
  components: Components,
  { image, count }: Pick<Rows, 'image' | 'count'>,
  valid: Valid | undefined,
): ChosenStatistics {
  const { classifier, layers, recipe } = components;
  const none = builder.op('ConstantOfShape', [builder.ints([1, 0])]);
  const call = (into: GraphBuilder, graph: Graph) => inline(into, graph, [image, none]) as [Value, Value?];
  const source = adaptiveForward(classifier, [], PRESETS.static).graph;
  const blending = { ...PRESETS.blend, prior: recipe.prior };
  const blend = adaptiveForward(classifier, layers, blending, { valid }).graph;
  const [logits, divergence] = call(
    builder,
    recipe.divergence === 'off' ? source : withDivergence(source, layers, valid),
  );
  const far = divergence && isFar(builder, divergence, count, recipe);
  const bySource = predictionOf(builder, logits);
  const blended = far
    ? appendIf(builder, { name: 'blend', condition: far, otherwise: logits }, (b) => call(b, blend)[0])
    : call(builder, blend)[0];
  const byBlend = predictionOf(builder, blended);
  const mean = ({ entropy }: Prediction): Value => {
    if (!valid)
      return builder.op('ReduceMean', [entropy, builder.ints([0])], {
        attributes: { keepdims: 0 },
        shape: [],
      });
    const ofRows = Object.assign(entropy, { type: { dataType: DATA_TYPE.float32, shape: [BATCH] } });
    return builder.op('Div', [sumOfRows(builder, ofRows, valid.weights, { shape: [] }), count], {
      shape: [],
    });
  };
  const least = builder.op('Add', [mean(bySource), recipe.margin], { shape: [] });
  const isSure = builder.op('Less', [mean(byBlend), least], { name: 'is_sure' });
  const blends = far ? builder.op('And', [far, isSure], { name: 'blends' }) : isSure;
  return { source: bySource, blend: byBlend, blends, ...(divergence && { divergence }) };
}

/** Statistics of few rows are far from any others by chance, so the limit is higher for them. */
function isFar(
  builder: GraphBuilder,
  divergence: Value,
  count: Value,
  { divergence: limit, divergenceRows }: Components['recipe'],
): Value {
  const chance = builder.op('Div', [divergenceRows, count], { shape: [] });
  const most = builder.op('Mul', [builder.op('Add', [chance, 1], { shape: [] }), limit as number], {
    shape: [],
  });
  return builder.op('Greater', [divergence, most], { name: 'is_far' });
}

/** The prediction by the statistics that were chosen. */
export function chosenPrediction(
  builder: GraphBuilder,
  { source, blend, blends }: ChosenStatistics,
): Prediction {
  const choose = (part: 'logits' | 'entropy' | 'top'): Value => {
    const chosen = builder.op('Where', [blends, blend[part], source[part]]);
    return Object.assign(chosen, { type: source[part].type });
  };
  return { logits: choose('logits'), entropy: choose('entropy'), top: choose('top') };
}

/** 1 where the blend was chosen, otherwise 0, a float32 scalar. */
export const blendFactor = (builder: GraphBuilder, { blends }: ChosenStatistics): Value =>
  builder.op('Cast', [blends], { attributes: { to: DATA_TYPE.float32 }, shape: [] });
