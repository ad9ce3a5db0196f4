import {
  appendLoop,
  DATA_TYPE,
  type Dim,
  type Graph,
  GraphBuilder,
  type Value,
  withoutUnused,
} from '../onnx/index.ts';
import { adaptiveForward } from './adaptive-forward.ts';
import { type Around, rowCount } from './affine.ts';
import { BATCH } from './batch-axis.ts';
import {
  blendFactor,
  type ChosenStatistics,
  chooseStatistics,
  chosenPrediction,
} from './choose-statistics.ts';
import type { Adaptation, Components } from './components.ts';
import {
  BLENDED_OUTPUT,
  DIVERGENCE_OUTPUT,
  ENTROPY_OUTPUT,
  imageName,
  logitsName,
  PARAMETERS_OUTPUT,
  SIGMA_OUTPUT,
  STATIC_OUTPUT,
  STEPS_INPUT,
  TOP_OUTPUT,
  VALID_ROWS_INPUT,
} from './graph-names.ts';
import { OPTIMIZERS } from './optimizer.ts';
import { type Valid, withoutFilling } from './padding.ts';
import { isChosen, isSumOverRows, PRESETS, stopsRows } from './recipe.ts';
import { type Prediction, predict, predictWithGradient, type Rows } from './row-passes.ts';
import { rowsPerPart } from './rows-per-part.ts';
import { adaptUntilSure } from './stopping.ts';
import { adaptInPlace } from './stopping-in-place.ts';
import { updateOfTrip } from './update.ts';

/** The rows of a full batch, by the default of a manifest. */
const USUAL_BATCH = 128;

/**
 * Joins the components to the self-adapting graph. Parameters and optimizer state start from zero. A Loop
 * carries them over `steps` trips of forward, objective, gradient and update; one more trip predicts. Nothing
 * outlives a run.
 */
export function assemble(asked: Components): Graph {
  const { classifier, recipe, classes } = asked;
  const builder = new GraphBuilder();
  const image = { ...classifier.input, name: imageName(classifier) };
  const steps: Value = { name: STEPS_INPUT, type: { dataType: DATA_TYPE.int64, shape: [] } };
  const padded = asked.isPadded ? padding(builder, image) : undefined;
  const valid = padded?.valid;
  const rows = rowsOf(builder, asked, padded ?? { image });
  const choice = isChosen(recipe) ? chooseStatistics(builder, asked, rows, valid) : undefined;
  const around = { blendFactor: choice && blendFactor(builder, choice), valid };
  const components = choice || valid ? { ...asked, forward: forwardIn(asked, around) } : asked;
  const { forward } = components;
  const start = initialParameters(builder, components, rows.image);
  const { logits, firstLogits, entropy, top, sigma, parameters } =
    recipe.steps === 0
      ? forwardAlone(builder, components, start, rows, choice)
      : stopsRows(recipe)
        ? adaptStoppingRows(builder, components, { rows, valid }, steps, start)
        : adapt(builder, components, rows, steps, start);
  const startsFromSource = recipe.statistics === 'source' && recipe.sigma === 'off';
  const unadapted = startsFromSource
    ? firstLogits
    : (choice?.source.logits ?? staticLogits(builder, components, rows));
  const outputs = [
    output(builder, logits, logitsName(classifier), [BATCH, classes]),
    output(builder, unadapted, STATIC_OUTPUT, [BATCH, classes]),
    output(builder, entropy, ENTROPY_OUTPUT, ['steps_and_final', BATCH]),
    output(builder, top, TOP_OUTPUT, ['steps_and_final', BATCH, 2]),
  ];
  if (sigma) outputs.push(output(builder, sigma, SIGMA_OUTPUT, forward.graph.outputs[1]!.type!.shape!));
  if (components.exposesParameters)
    outputs.push(output(builder, parameters, PARAMETERS_OUTPUT, forward.graph.inputs[1]!.type!.shape!));
  if (choice) outputs.push(...choiceOutputs(builder, choice));
  const inputs = [image, steps, ...(padded ? [padded.size] : [])];
  return withoutUnused(builder.build('dent', inputs, outputs));
}

function output(builder: GraphBuilder, value: Value, name: string, shape: readonly Dim[]): Value {
  return builder.op('Identity', [value], { name, shape });
}

/**
 * Which statistics the batch has got: 1 for the blend or 0, [1], and where it decided the divergence, [1].
 */
function choiceOutputs(builder: GraphBuilder, choice: ChosenStatistics): Value[] {
  const vector = (value: Value, name: string): Value =>
    builder.op('Unsqueeze', [value, builder.ints([0])], { name, shape: [1] });
  const blended = vector(blendFactor(builder, choice), BLENDED_OUTPUT);
  return choice.divergence ? [blended, vector(choice.divergence, DIVERGENCE_OUTPUT)] : [blended];
}

/** The input that says how many rows count, and the images without what fills the batch up. */
function padding(builder: GraphBuilder, image: Value) {
  const size: Value = { name: VALID_ROWS_INPUT, type: { dataType: DATA_TYPE.int64, shape: [] } };
  return { size, ...withoutFilling(builder, image, size) };
}

/** On a GPU a batch stays whole: there, small kernels cost the time. So does a batch that is filled up. */
function rowsOf(
  builder: GraphBuilder,
  { classifier, recipe, target }: Components,
  { image, valid }: { readonly image: Value; readonly valid?: Valid },
): Rows {
  if (valid) return { image, count: valid.count, weights: valid.exactWeights };
  const rows = { image, count: rowCount(builder, image) };
  if (recipe.steps === 0 || !isSumOverRows(recipe) || target === 'cuda') return rows;
  // All threads of a session work on one part, each in the cache of its own core.
  const size = 2 * rowsPerPart(classifier.model.graph, true);
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
 * The model's own prediction, for recipes whose first pass already differs: statistics of the batch and
 * smoothing.
 */
function staticLogits(builder: GraphBuilder, components: Components, rows: Rows): Value {
  const forward = adaptiveForward(components.classifier, [], PRESETS.static);
  const unused = builder.op('ConstantOfShape', [builder.ints([1, 0])]);
  return predict(builder, { ...components, forward }, unused, rows).logits;
}

/** The classifier by statistics that depend on the graph around it. */
const forwardIn = ({ classifier, layers, recipe }: Components, around: Around) =>
  adaptiveForward(classifier, layers, recipe, around);

function forwardAlone(
  builder: GraphBuilder,
  components: Components,
  parameters: Value,
  rows: Rows,
  choice: ChosenStatistics | undefined,
): Adaptation {
  // What was computed for the choice is the answer already, but for the smoothing.
  const { logits, entropy, top, sigma }: Prediction =
    choice && components.recipe.sigma === 'off'
      ? chosenPrediction(builder, choice)
      : predict(builder, components, parameters, rows);
  const line = (value: Value) => builder.op('Unsqueeze', [value, builder.ints([0])]);
  const trace = { entropy: line(entropy), top: line(top) };
  return { logits, firstLogits: logits, ...trace, parameters, ...(sigma && { sigma }) };
}

/** A batch that is filled up stays in place where a usual one is a single part. */
function adaptStoppingRows(
  builder: GraphBuilder,
  components: Components,
  { rows, valid }: { readonly rows: Rows; readonly valid: Valid | undefined },
  steps: Value,
  start: Value,
): Adaptation {
  return valid && components.partRows >= USUAL_BATCH
    ? adaptInPlace(builder, components, { ...rows, valid }, steps, start)
    : adaptUntilSure(builder, components, { image: rows.image, valid }, steps);
}

/**
 * The Loop: `steps` trips that predict and update, and a last one that predicts. It carries the parameters,
 * the first and the last logits, sigma and the optimizer's state. It gathers the rows' entropies and top
 * classes.
 */
function adapt(
  builder: GraphBuilder,
  components: Components,
  rows: Rows,
  steps: Value,
  start: Value,
): Adaptation {
  const { forward, recipe, classes, exposesParameters } = components;
  const size = builder.op('Gather', [builder.op('Shape', [rows.image]), builder.ints([0])]);
  const shape = builder.op('Concat', [size, builder.ints([classes])], { attributes: { axis: 0 } });
  const noLogits = builder.op('ConstantOfShape', [shape]);
  const parameterType = forward.graph.inputs[1]!.type!;
  const logitsType = { dataType: DATA_TYPE.float32, shape: [BATCH, classes] };
  const sigmaType = forward.graph.outputs[1]?.type;
  const noSigma = sigmaType && builder.op('ConstantOfShape', [builder.ints([1])]);
  const state = Array.from({ length: OPTIMIZERS[recipe.optimizer].stateTensors }, (_, i) => ({
    name: `state_${i}`,
    start,
    type: parameterType,
  }));
  const carried = [
    { name: 'first_logits', start: noLogits, type: logitsType },
    { name: 'logits', start: noLogits, type: logitsType },
    ...(noSigma ? [{ name: 'sigma', start: noSigma, type: sigmaType }] : []),
    ...(exposesParameters ? [{ name: 'used_parameters', start, type: parameterType }] : []),
    { name: 'parameters', start, type: parameterType },
    ...state,
  ];
  // Negative `steps` still predict.
  const trips = builder.op('Max', [builder.op('Add', [steps, builder.int(1)]), builder.int(1)]);
  const results = appendLoop(builder, { name: 'step', trips, carried }, (body, trip, values) => {
    const firstLogits = values[0]!;
    const [parameters, ...moments] = values.slice(-1 - state.length) as [Value, ...Value[]];
    const another = body.op('Less', [trip, steps]);
    const pass = predictWithGradient(body, components, parameters, rows, another);
    const next = updateOfTrip(body, components, trip, parameters, pass.gradient, moments);
    const first = body.op('Where', [body.op('Equal', [trip, body.int(0)]), pass.logits, firstLogits]);
    const sigma = pass.sigma ? [pass.sigma] : [];
    // Nothing uses the update of the last trip. The parameters that count are those that it predicted with.
    const used = exposesParameters ? [parameters] : [];
    return {
      carried: [first, pass.logits, ...sigma, ...used, next.parameters, ...next.state],
      gathered: [pass.entropy, pass.top],
    };
  });
  const [firstLogits, logits] = results as [Value, Value];
  return {
    logits,
    firstLogits,
    entropy: results.at(-2)!,
    top: results.at(-1)!,
    parameters: results[noSigma ? 3 : 2]!,
    ...(noSigma && { sigma: results[2]! }),
  };
}
