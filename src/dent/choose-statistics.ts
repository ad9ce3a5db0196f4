import { DATA_TYPE, type GraphBuilder, type Value } from '../onnx/index.ts';
import { adaptiveForward } from './adaptive-forward.ts';
import type { Components } from './components.ts';
import { PRESETS } from './recipe.ts';
import { type Prediction, predict, type Rows } from './row-passes.ts';

/** What the unadapted model says of a batch by either statistics, and which of them the batch is to have. */
export interface ChosenStatistics {
  readonly source: Prediction;
  readonly blend: Prediction;
  /** A bool scalar: whether the blend is taken. */
  readonly blends: Value;
}

/**
 * Compares for the whole batch how sure the unadapted model is by the training run's statistics and by the
 * blend. The surer one is taken, and the blend also where it is less sure by less than the margin. Entropies
 * that are no numbers leave the source.
 */
export function chooseStatistics(
  builder: GraphBuilder,
  components: Components,
  rows: Pick<Rows, 'image' | 'count'>,
): ChosenStatistics {
  const { classifier, layers, recipe } = components;
  const unused = builder.op('ConstantOfShape', [builder.ints([1, 0])]);
  const { image, count } = rows;
  const predictBy = (forward: Components['forward']): Prediction =>
    predict(builder, { ...components, forward }, unused, { image, count });
  const source = predictBy(adaptiveForward(classifier, [], PRESETS.static));
  const blend = predictBy(adaptiveForward(classifier, layers, { ...PRESETS.blend, prior: recipe.prior }));
  const mean = ({ entropy }: Prediction): Value =>
    builder.op('ReduceMean', [entropy, builder.ints([0])], { attributes: { keepdims: 0 }, shape: [] });
  const least = builder.op('Add', [mean(source), recipe.margin], { shape: [] });
  const blends = builder.op('Less', [mean(blend), least], { name: 'blends' });
  return { source, blend, blends };
}

/** The prediction by the statistics that were chosen. */
export function chosenPrediction(
  builder: GraphBuilder,
  { source, blend, blends }: ChosenStatistics,
): Prediction {
  const choose = (part: 'logits' | 'entropy'): Value => {
    const chosen = builder.op('Where', [blends, blend[part], source[part]]);
    return Object.assign(chosen, { type: source[part].type });
  };
  return { logits: choose('logits'), entropy: choose('entropy') };
}

/** 1 where the blend was chosen, otherwise 0, a float32 scalar. */
export const blendFactor = (builder: GraphBuilder, { blends }: ChosenStatistics): Value =>
  builder.op('Cast', [blends], { attributes: { to: DATA_TYPE.float32 }, shape: [] });
