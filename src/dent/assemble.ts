import {
  appendLoop,
  DATA_TYPE,
  type Dim,
  float32Constant,
  type Graph,
  GraphBuilder,
  type Value,
  withoutUnused,
} from '../onnx/index.ts';
import { adaptiveForward } from './adaptive-forward.ts';
import { rowCount } from './affine.ts';
import type { Classifier } from './classifier.ts';
import { STATE_TENSORS, updateParameters } from './optimizer.ts';
import { fuseAffine } from './passes/fuse-affine.ts';
import { BATCH } from './passes/measure-shapes.ts';
import { mergeStridedGradients } from './passes/merge-strided-gradients.ts';
import { isSumOverRows, PRESETS } from './recipe.ts';
import { type Method, predict, predictWithGradient, type Rows } from './row-passes.ts';

/** The inputs and outputs of the self-adapting graph that are not the model's own. */
export const STEPS_INPUT = 'steps';
export const STATIC_OUTPUT = 'static_logits';
export const ENTROPY_OUTPUT = 'entropy';
export const SIGMA_OUTPUT = 'sigma';

interface Components extends Method {
  readonly classifier: Classifier;
  /** How many rows a pass takes at once where it may go through the batch in parts. */
  readonly rowsPerPart: number;
}

/**
 * Joins the components to the self-adapting graph: parameters and optimizer state start from zero, a Loop carries them over
 * `steps` trips of forward, objective, gradient and update, and one more forward pass predicts. Nothing outlives a run.
 */
export function assemble(components: Components): Graph {
  const { classifier, recipe, forward, classes } = components;
  const builder = new GraphBuilder();
  const image = { ...classifier.input };
  const steps: Value = { name: STEPS_INPUT, type: { dataType: DATA_TYPE.int64, shape: [] } };
  const rows = rowsOf(builder, components, image);
  const start = initialParameters(builder, components, image);
  const loop = recipe.steps > 0 ? adapt(builder, components, rows, steps, start) : undefined;
  const final = predict(builder, components, loop?.parameters ?? start, rows);
  const lastRow = builder.op('Unsqueeze', [final.entropy, builder.ints([0])]);
  const entropy = loop ? builder.op('Concat', [loop.entropy, lastRow], { attributes: { axis: 0 } }) : lastRow;
  const outputs = [
    output(builder, final.logits, classifier.outputName, [BATCH, classes]),
    output(builder, staticLogits(builder, components, rows, steps, final.logits, loop), STATIC_OUTPUT, [
      BATCH,
      classes,
    ]),
    output(builder, entropy, ENTROPY_OUTPUT, ['steps_and_final', BATCH]),
  ];
  if (final.sigma)
    outputs.push(output(builder, final.sigma, SIGMA_OUTPUT, forward.graph.outputs[1]!.type!.shape!));
  const graph = withoutUnused(builder.build('dent', [image, steps], outputs));
  return components.target === 'cpu' ? fuseAffine(mergeStridedGradients(graph)) : graph;
}

function output(builder: GraphBuilder, value: Value, name: string, shape: readonly Dim[]): Value {
  return builder.op('Identity', [value], { name, shape });
}

/** On a GPU a batch stays whole: there, it is small kernels that cost time. */
function rowsOf(builder: GraphBuilder, { recipe, rowsPerPart, target }: Components, image: Value): Rows {
  const rows = { image, count: rowCount(builder, image) };
  if (recipe.steps === 0 || !isSumOverRows(recipe) || target === 'cuda') return rows;
  // All threads of a session work on one part, each in the cache of its own core.
  const size = 2 * rowsPerPart;
  const n = builder.op('Gather', [builder.op('Shape', [image]), builder.int(0)]);
  const count = builder.op('Div', [builder.op('Add', [n, builder.int(size - 1)]), builder.int(size)]);
  return { ...rows, parts: { size, count } };
}

/** Zero offsets: [1, P], or [N, P] where each row adapts alone. */
function initialParameters(builder: GraphBuilder, { forward, recipe }: Components, image: Value): Value {
  const width = builder.ints([forward.parameterCount]);
  const rows =
    recipe.scope === 'batch'
      ? builder.ints([1])
      : builder.op('Gather', [builder.op('Shape', [image]), builder.ints([0])]);
  const shape = builder.op('Concat', [rows, width], { attributes: { axis: 0 } });
  return builder.op('ConstantOfShape', [shape], {
    name: 'no_offsets',
    shape: forward.graph.inputs[1]!.type!.shape!,
  });
}

/**
 * Logits of the model as it is. Where adaptation starts from them, they are those of its first pass; statistics of the batch and
 * smoothing change even that, and cost a pass of their own.
 */
function staticLogits(
  builder: GraphBuilder,
  components: Components,
  rows: Rows,
  steps: Value,
  final: Value,
  loop: Adaptation | undefined,
): Value {
  const { classifier, recipe } = components;
  const startsFromSource = recipe.statistics === 'source' && recipe.sigma === 'off';
  if (!startsFromSource) {
    const forward = adaptiveForward(classifier, [], PRESETS.static);
    const unused = builder.op('ConstantOfShape', [builder.ints([1, 0])]);
    return predict(builder, { ...components, forward }, unused, rows).logits;
  }
  if (!loop) return final;
  return builder.op('Where', [builder.op('Equal', [steps, builder.int(0)]), final, loop.firstLogits]);
}

interface Adaptation {
  /** After the last update, [R, P]. */
  readonly parameters: Value;
  /** Logits before the first update, [N, K]; without meaning where no step was made. */
  readonly firstLogits: Value;
  /** [steps, N]. */
  readonly entropy: Value;
}

/** The Loop over steps. Carried are the parameters, the first logits and the optimizer's state; the rows' entropies are gathered. */
function adapt(
  builder: GraphBuilder,
  components: Components,
  rows: Rows,
  steps: Value,
  start: Value,
): Adaptation {
  const { forward, recipe, classes } = components;
  const shape = [
    builder.op('Gather', [builder.op('Shape', [rows.image]), builder.ints([0])]),
    builder.ints([classes]),
  ];
  const noLogits = builder.op('ConstantOfShape', [builder.op('Concat', shape, { attributes: { axis: 0 } })]);
  const parameterType = forward.graph.inputs[1]!.type!;
  const logitsType = { dataType: DATA_TYPE.float32, shape: [BATCH, classes] };
  const state = Array.from({ length: STATE_TENSORS[recipe.optimizer] }, (_, i) => ({
    name: `state_${i}`,
    start,
    type: parameterType,
  }));
  const carried = [
    { name: 'parameters', start, type: parameterType },
    { name: 'first_logits', start: noLogits, type: logitsType },
    ...state,
  ];
  const results = appendLoop(
    builder,
    { name: 'step', trips: steps, carried },
    (body, trip, [parameters, firstLogits, ...moments]) => {
      const pass = predictWithGradient(body, components, parameters!, rows);
      const t = body.op('Add', [
        body.op('Cast', [trip], { attributes: { to: DATA_TYPE.float64 } }),
        body.double(1),
      ]);
      const rate = body.constant(
        float32Constant([1, forward.parameterCount], forward.learningRates),
        'learning_rates',
      );
      const next = updateParameters(body, recipe, t, parameters!, pass.gradient, moments, rate);
      const first = body.op('Where', [body.op('Equal', [trip, body.int(0)]), pass.logits, firstLogits!]);
      return { carried: [next.parameters, first, ...next.state], gathered: [pass.entropy] };
    },
  );
  return { parameters: results[0]!, firstLogits: results[1]!, entropy: results.at(-1)! };
}
