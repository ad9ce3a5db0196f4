import { appendGradients } from '../autodiff/index.ts';
import {
  DATA_TYPE,
  float32Constant,
  type Graph,
  GraphBuilder,
  inline,
  type Value,
  withoutUnused,
} from '../onnx/index.ts';
import type { AdaptiveForward } from './adaptive-forward.ts';
import { rowCount } from './affine.ts';
import type { Classifier } from './classifier.ts';
import { inDoublePrecision, objective, rowEntropy } from './objective.ts';
import { STATE_TENSORS, updateParameters } from './optimizer.ts';
import { fuseAffine } from './passes/fuse-affine.ts';
import { BATCH } from './passes/measure-shapes.ts';
import type { Recipe } from './recipe.ts';

/** The inputs and outputs of the self-adapting graph that are not the model's own. */
export const STEPS_INPUT = 'steps';
export const STATIC_OUTPUT = 'static_logits';
export const ENTROPY_OUTPUT = 'entropy';
export const SIGMA_OUTPUT = 'sigma';

interface Parts {
  readonly classifier: Classifier;
  readonly classes: number;
  readonly forward: AdaptiveForward;
  readonly recipe: Recipe;
}

/**
 * Joins the parts to the self-adapting graph: parameters and optimizer state start from constants, a Loop carries them over
 * `steps` trips of forward, objective, gradient and update, and one more forward pass predicts. Nothing outlives a run.
 */
export function assemble(parts: Parts): Graph {
  const { classifier, recipe } = parts;
  const builder = new GraphBuilder();
  const image = { ...classifier.input };
  const steps: Value = { name: STEPS_INPUT, type: { dataType: DATA_TYPE.int64, shape: [] } };
  const start = initialParameters(builder, parts, image);
  const loop = recipe.steps > 0 ? appendLoop(builder, parts, image, steps, start) : undefined;
  const [logits, sigma] = inline(
    builder,
    parts.forward.graph,
    [image, loop?.parameters ?? start],
    'final/',
  ) as [Value, Value?];
  const final = toFloat(builder, rowEntropy(builder, inDoublePrecision(builder, logits)));
  const rows = builder.op('Unsqueeze', [final, builder.ints([0])]);
  const entropy = loop ? builder.op('Concat', [loop.entropy, rows], { attributes: { axis: 0 } }) : rows;
  const outputs = [
    output(builder, logits, classifier.outputName, [BATCH, parts.classes]),
    output(builder, staticLogits(builder, parts, image, steps, logits, loop), STATIC_OUTPUT, [
      BATCH,
      parts.classes,
    ]),
    output(builder, entropy, ENTROPY_OUTPUT, ['steps_and_final', BATCH]),
  ];
  if (sigma) outputs.push(output(builder, sigma, SIGMA_OUTPUT, sigma.type!.shape!));
  return fuseAffine(withoutUnused(builder.build('dent', [image, steps], outputs)));
}

/**
 * Logits of the model as it is. Where adaptation starts from them, they are those of its first pass; statistics of the batch and
 * smoothing change even that, and cost a pass of their own.
 */
function staticLogits(
  builder: GraphBuilder,
  { classifier, recipe }: Parts,
  image: Value,
  steps: Value,
  final: Value,
  loop: LoopResult | undefined,
): Value {
  const startsFromSource = recipe.statistics === 'source' && recipe.sigma === 'off';
  if (!startsFromSource) return inline(builder, classifier.model.graph, [image], 'static/')[0]!;
  if (!loop) return final;
  return builder.op('Where', [builder.op('Equal', [steps, builder.int(0)]), final, loop.firstLogits]);
}

function output(
  builder: GraphBuilder,
  value: Value,
  name: string,
  shape: readonly (number | string)[],
): Value {
  return builder.op('Identity', [value], { name, shape });
}

const toFloat = (builder: GraphBuilder, value: Value): Value =>
  builder.op('Cast', [value], { attributes: { to: DATA_TYPE.float32 } });

/** Zero offsets: [1, P], or [N, P] where each row adapts alone. */
function initialParameters(builder: GraphBuilder, { forward, recipe }: Parts, image: Value): Value {
  const width = builder.ints([forward.parameterCount]);
  const rows =
    recipe.scope === 'batch'
      ? builder.ints([1])
      : builder.op('Gather', [builder.op('Shape', [image]), builder.ints([0])]);
  const shape = builder.op('Concat', [rows, width], { attributes: { axis: 0 } });
  return builder.op('ConstantOfShape', [shape], { name: 'no_offsets' });
}

interface LoopResult {
  readonly parameters: Value;
  /** Logits before the first update; undefined content where no step was made. */
  readonly firstLogits: Value;
  /** [steps, N]. */
  readonly entropy: Value;
}

function appendLoop(
  builder: GraphBuilder,
  parts: Parts,
  image: Value,
  steps: Value,
  start: Value,
): LoopResult {
  // Parameters and optimizer state all start as zeros of one shape.
  const states = Array.from({ length: STATE_TENSORS[parts.recipe.optimizer] }, () => start);
  const rows = builder.op('Gather', [builder.op('Shape', [image]), builder.ints([0])]);
  const shape = builder.op('Concat', [rows, builder.ints([parts.classes])], { attributes: { axis: 0 } });
  const noLogits = builder.op('ConstantOfShape', [shape], { name: 'no_logits' });
  const body = loopBody(parts, image);
  const results = builder.multi(
    'Loop',
    [steps, builder.bool(true), start, noLogits, ...states],
    3 + states.length,
    {
      name: 'adapt',
      attributes: { body: { graph: body } },
    },
  );
  return { parameters: results[0]!, firstLogits: results[1]!, entropy: results.at(-1)! };
}

/** One update: carried are the parameters, the first logits and the optimizer's state; the rows' entropies are gathered. */
function loopBody({ forward, recipe, classes }: Parts, image: Value): Graph {
  const builder = new GraphBuilder('step/');
  const trip: Value = { name: 'trip', type: { dataType: DATA_TYPE.int64, shape: [] } };
  const keepGoing: Value = { name: 'keep_going', type: { dataType: DATA_TYPE.bool, shape: [] } };
  const carried = (name: string, shape: readonly (number | string)[]): Value => ({
    name,
    type: { dataType: DATA_TYPE.float32, shape },
  });
  const shape = forward.graph.inputs[1]!.type!.shape!;
  const parameters = carried('parameters', shape);
  const firstBefore = carried('first_logits_before', [BATCH, classes]);
  const state = Array.from({ length: STATE_TENSORS[recipe.optimizer] }, (_, i) =>
    carried(`state_${i}`, shape),
  );

  const [logits] = inline(builder, forward.graph, [image, parameters]) as [Value];
  const exact = inDoublePrecision(builder, logits);
  const entropy = rowEntropy(builder, exact);
  const loss = objective(builder, recipe, exact, entropy, rowCount(builder, image));
  const [gradient] = appendGradients(builder, loss, [parameters]) as [Value];
  const t = builder.op('Add', [
    builder.op('Cast', [trip], { attributes: { to: DATA_TYPE.float64 } }),
    builder.double(1),
  ]);
  const rate = builder.constant(
    float32Constant([1, forward.learningRates.length], forward.learningRates),
    'learning_rates',
  );
  const next = updateParameters(builder, recipe, t, parameters, gradient, state, rate);
  const isFirst = builder.op('Equal', [trip, builder.int(0)]);
  const first = builder.op('Where', [isFirst, logits, firstBefore]);
  const goOn = builder.op('Identity', [keepGoing]);
  return fuseAffine(
    builder.build(
      'update',
      [trip, keepGoing, parameters, firstBefore, ...state],
      [goOn, next.parameters, first, ...next.state, toFloat(builder, entropy)],
    ),
  );
}
