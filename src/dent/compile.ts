import { createHash } from 'node:crypto';
import type { Target } from '../autodiff/index.ts';
import { InputError } from '../errors.ts';
import {
  DATA_TYPE,
  dataTypeName,
  decodeModel,
  describeNode,
  encodeModel,
  type Graph,
  intAttribute,
  type Model,
} from '../onnx/index.ts';
import { adaptiveForward } from './adaptive-forward.ts';
import { assemble } from './assemble.ts';
import { assemblePass, carriedShape } from './assemble-pass.ts';
import { chooseOutput, type OutputHint } from './choose-output.ts';
import { asClassifier, type Classifier, classCount, imageInput } from './classifier.ts';
import type { GraphRunner } from './graph-runner.ts';
import { type AdaptableLayer, findLayers } from './layers.ts';
import { nodesInTheWay, quantisingNode, runtimeNode } from './missing-rules.ts';
import { lossOf } from './objective.ts';
import { channelsFirst, isChannelsLast } from './passes/channels-first.ts';
import { dropIdentities } from './passes/drop-identities.ts';
import { expandAttention } from './passes/expand-attention.ts';
import { floatPixels } from './passes/float-pixels.ts';
import { foldConstants } from './passes/fold-constants.ts';
import { fuseLayerNormalization } from './passes/fuse-layer-normalization.ts';
import { measureShapes, type ProbeShape } from './passes/measure-shapes.ts';
import { openBatch } from './passes/open-batch.ts';
import { resolveBranches } from './passes/resolve-branches.ts';
import { schedule } from './passes/schedule.ts';
import { sliceSequences } from './passes/slice-sequences.ts';
import { upgradeOpset } from './passes/upgrade-opset.ts';
import { widenFloats } from './passes/widen-floats.ts';
import { withoutLabels } from './passes/without-labels.ts';
import { checkOutput } from './probabilities.ts';
import { type Reading, readingOf } from './reading.ts';
import { isSumOverRows } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';
import { rowsPerPart, rowsPerRun } from './rows-per-part.ts';

/** Changes whenever the same model and recipe would compile to another graph; part of the cache key of artifacts. */
export const COMPILER_VERSION = '4';

/** Where a compiled graph keeps its recipe. */
export const RECIPE_METADATA = 'dent.recipe';

/** The image size to assume for a model that leaves it open and a caller that names none. */
export const COMMON_IMAGE_SIZE = 224;

export interface CompileOptions extends OutputHint {
  /** What to take where the model leaves an axis open; without it the graph leaves height and width open as well. */
  readonly imageShape?: readonly [channels: number | undefined, height: number, width: number];
  /** The hardware the graph is written for, `cpu` by default. It runs on any. */
  readonly target?: Target;
  /**
   * Whether a graph of one pass will do (see assemble-pass.ts), for a runner that goes through the rows itself. Other than the self-adapting
   * graph it can be run on parts of the rows side by side. Where the recipe or the target does not allow it, the graph is self-adapting.
   */
  readonly inPasses?: boolean;
  /**
   * Whether the self-adapting graph has one more output, `parameters` [R, P]: the offsets that adaptation has ended at, R being 1
   * or the rows. `adaptiveForward` takes them as they are. Not for a graph of one pass.
   */
  readonly exposesParameters?: boolean;
}

export interface CompiledModel {
  /** The self-adapting graph, a serialized ONNX model. */
  readonly bytes: Uint8Array;
  readonly input: string;
  readonly output: string;
  readonly classes: number;
  /** [channels, height, width], with -1 where the model leaves a size open. */
  readonly imageShape: readonly [number, number, number];
  /** What the model's file was taken for. */
  readonly reading: Reading;
  /** How many rows to take at once where a batch may be cut. */
  readonly rowsPerPart: number;
  /** How many layers have their scale and shift adapted, and how many numbers that are in all. */
  readonly layers: number;
  readonly parameters: number;
  /** Present where the graph is one pass: the shape of what one hands to the next, [tensors, parameters]. */
  readonly carried?: readonly [number, number];
}

/**
 * Writes the self-adapting graph of `model` (serialized ONNX bytes) for `recipe`. A recipe of zero steps compiles to the
 * forward pass alone. Rejects with `InputError` naming the node and op at fault.
 */
export async function compile(
  model: Uint8Array,
  recipe: Recipe,
  runner: GraphRunner,
  options: CompileOptions = {},
): Promise<CompiledModel> {
  const prepared = await prepare(decodeModel(model), runner, options);
  const { classifier, classes, imageShape, reading } = prepared;
  const { graph, layers, parameters, carried } = adaptiveGraph(prepared, recipe, options);
  const bytes = encodeModel({
    ...classifier.model,
    producer: 'dent-serve',
    graph: schedule(graph),
    metadata: {
      [RECIPE_METADATA]: JSON.stringify(recipe),
      'dent.version': COMPILER_VERSION,
      'dent.source_sha256': createHash('sha256').update(model).digest('hex'),
    },
  });
  return {
    bytes,
    input: classifier.input.name,
    output: classifier.outputName,
    classes,
    imageShape,
    reading,
    rowsPerPart: rowsPerRun(classifier.model.graph, recipe),
    layers: layers.length,
    parameters,
    ...(carried && { carried }),
  };
}

interface AdaptiveGraph extends Pick<CompiledModel, 'parameters' | 'carried'> {
  readonly graph: Graph;
  readonly layers: readonly AdaptableLayer[];
}

/** The self-adapting graph of a prepared model, and the layers it adapts. Throws `InputError` naming the node and op at fault. */
export function adaptiveGraph(
  prepared: PreparedModel,
  recipe: Recipe,
  options: CompileOptions = {},
): AdaptiveGraph {
  const { classifier, opset } = prepared;
  if (recipe.steps > 0) refuseQuantised(classifier);
  if (changesLayers(recipe)) refuseOptimised(classifier);
  const layers = adaptedLayers(recipe, classifier.model.graph);
  const [missing] = recipe.steps > 0 ? nodesInTheWay(classifier, layers) : [];
  if (missing) {
    throw new InputError(
      `${describeNode(missing)} (opset ${opset}) has no gradient rule, so nothing before it can be adapted. ${NO_GRADIENT}`,
    );
  }
  return graphOf(prepared, recipe, layers, options);
}

/** What to do where an operator stands in the way of the gradient. */
export const NO_GRADIENT =
  'docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.';

const OPEN_SIZE =
  "The model leaves its height and width open; for one size, by --size or the manifest's width and height, it may compile.";

/** Errors of `work` with a way on at their end. */
function advised<T>(advice: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw cause instanceof InputError ? new InputError(`${cause.message} ${advice}`, { cause }) : cause;
  }
}

/** On a GPU it is small kernels that cost time, not the reach of a cache. */
const WHOLE_BATCH = 2 ** 31 - 1;

function graphOf(
  prepared: PreparedModel,
  recipe: Recipe,
  layers: readonly AdaptableLayer[],
  { target = 'cpu', inPasses = false, exposesParameters = false }: CompileOptions,
): AdaptiveGraph {
  const { classifier, imageShape } = prepared;
  const forward = advised(OPEN_SIZE, () => adaptiveForward(classifier, layers, recipe));
  if (recipe.steps > 0 && forward.parameterCount === 0) {
    throw new InputError(
      'The recipe has steps but nothing to adapt: affine is off and sigma is off or fixed. Turn one on, or ask for 0 steps.',
    );
  }
  // All threads of a session work on one part, each in the cache of its own core; a runner that cuts batches gives each session one.
  const partRows =
    target === 'cuda' ? WHOLE_BATCH : (inPasses ? 1 : 2) * rowsPerPart(classifier.model.graph, true);
  const loss = lossOf(recipe);
  const components = { ...prepared, forward, recipe, loss, target, exposesParameters, partRows };
  const isPass = inPasses && !exposesParameters && target === 'cpu' && runsInPasses(recipe);
  return {
    layers,
    parameters: forward.parameterCount,
    graph: advised(imageShape.includes(-1) ? OPEN_SIZE : NO_GRADIENT, () =>
      isPass ? assemblePass(components) : assemble(components),
    ),
    ...(isPass && { carried: carriedShape(components) }),
  };
}

/** Throws where activations are quantised: their gradient is zero almost everywhere. */
export function refuseQuantised(classifier: Classifier): void {
  const node = quantisingNode(classifier);
  if (!node) return;
  throw new InputError(
    `The model is quantised (${describeNode(node)}), and whole numbers have no gradient; give the floating-point model that it was made from.`,
  );
}

/** Throws where ONNX Runtime has rewritten the model for its own use: normalisations are folded, and fused operators have no gradient. */
export function refuseOptimised(classifier: Classifier): void {
  const node = runtimeNode(classifier);
  if (!node) return;
  throw new InputError(
    `ONNX Runtime has optimised this model for itself (${describeNode(node)} is an operator of its own); give the file from before, as it was exported.`,
  );
}

/** The layers that a recipe adapts. Throws `InputError` where there are none, or none with the statistics that it replaces. */
export function adaptedLayers(recipe: Recipe, graph: Graph): readonly AdaptableLayer[] {
  if (!changesLayers(recipe)) return [];
  const { layers, refused } = findLayers(graph);
  if (layers.length === 0) {
    const [first] = refused;
    throw new InputError(
      first
        ? `${describeNode(first.node)} cannot be adapted: ${first.reason}. Export the model in evaluation mode, with its layers as they are (docs/exporting.md).`
        : 'The model has no normalisation layer and no convolution whose scale and shift could be adapted; recipes of 0 steps, such as static, serve it as it is.',
    );
  }
  if (recipe.statistics !== 'source' && !layers.some((layer) => layer.source)) {
    throw new InputError(
      `The recipe has statistics "${recipe.statistics}", but the model has no BatchNormalization node whose statistics could be replaced; export it with BatchNormalization kept.`,
    );
  }
  return layers;
}

/** Smoothing changes the prediction before the first update, so the logits of the model as it is cost a pass of their own. */
const runsInPasses = (recipe: Recipe): boolean =>
  recipe.steps > 0 && isSumOverRows(recipe) && recipe.sigma === 'off';

/** Whether the recipe normalises or scales otherwise than the model as it is. */
const changesLayers = (recipe: Recipe): boolean =>
  recipe.statistics !== 'source' || (recipe.steps > 0 && recipe.affine === 'on');

/** The model in the form that the compiler works on: recent operator set, constants folded, shapes measured, logits found. */
export interface PreparedModel {
  readonly classifier: Classifier;
  readonly classes: number;
  readonly imageShape: readonly [number, number, number];
  /** The operator set of the model as it was given. */
  readonly opset: number;
  readonly reading: Reading;
}

/** Rejects with `InputError` where the model is no classifier that ONNX Runtime can run, or is self-adapting already. */
export async function prepare(
  source: Model,
  runner: GraphRunner,
  options: CompileOptions,
): Promise<PreparedModel> {
  if (RECIPE_METADATA in source.metadata) {
    throw new InputError(
      'This graph is compiled already: it adapts itself. Give the model that it was compiled from.',
    );
  }
  const layout = isChannelsLast(source.graph) ? 'NHWC' : 'NCHW';
  const type = dataTypeName(source.graph.inputs[0]?.type?.dataType ?? DATA_TYPE.float32);
  const { outputs } = source.graph;
  const widened = channelsFirst(widenFloats(floatPixels(withoutLabels(source))));
  const probe = probeShape(widened, options);
  const output = chooseOutput(widened.graph, options);
  const main = { ...widened, graph: { ...widened.graph, outputs: [output] } };
  const resolved = await running(widened, probe, () => resolveBranches(main, probe, runner));
  const upgraded = upgradeOpset(resolved);
  const folded = await foldConstants({ ...upgraded, graph: dropIdentities(upgraded.graph) }, runner);
  const sliced = { ...folded, graph: sliceSequences(folded.graph) };
  const opened = await openBatch(sliced, probe, runner);
  const measured = await running(widened, probe, () => measureShapes(opened, probe, runner));
  const graph = expandAttention(fuseLayerNormalization(measured.graph));
  const taken = asClassifier({ ...measured, graph }, graph.outputs[0]!);
  const classes = classCount(taken);
  const checked = await checkOutput(taken, probe, runner);
  const [height, width] = probe.openSize ? [-1, -1] : [probe.height, probe.width];
  const input = { name: taken.input.name, layout, type, channels: probe.channels, height, width } as const;
  const report = findLayers(checked.classifier.model.graph);
  return {
    classifier: checked.classifier,
    classes,
    imageShape: [probe.channels, height, width],
    opset: source.opset,
    reading: readingOf({ input, checked, classes, outputs, report }),
  };
}

/** Errors of running the model with what to try next at their end. */
async function running<T>({ graph }: Model, probe: ProbeShape, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const sizes = graph.inputs[0]?.type?.shape?.slice(1) ?? ['?'];
    const { channels, height, width } = probe;
    const advice = sizes.every((size) => typeof size === 'number')
      ? 'Export it again so that ONNX Runtime runs it.'
      : `It was run on images of ${channels} x ${height} x ${width}, as its file leaves sizes open; --size, or the manifest's width and height, name another.`;
    throw new InputError(`${cause.message} ${advice}`, { cause });
  }
}

/** More numbers in the rows of a batch than any classifier takes: four images of 4096 x 4096 pixels. */
const MOST_NUMBERS = 4 * 3 * 4096 * 4096;

function probeShape({ graph }: Model, { imageShape }: CompileOptions): ProbeShape {
  const input = imageInput(graph);
  const [rows, channels, height, width] = input.type?.shape ?? [];
  const [c = channelsRead(graph), h, w] = imageShape ?? [undefined, COMMON_IMAGE_SIZE, COMMON_IMAGE_SIZE];
  const known = (size: number | string | undefined, assumed: number) =>
    typeof size === 'number' ? size : assumed;
  const image = { channels: known(channels, c), height: known(height, h), width: known(width, w) };
  if (known(rows, 1) * image.channels * image.height * image.width > MOST_NUMBERS) {
    throw new InputError(
      `The input "${input.name}" is of shape [${input.type?.shape?.join(', ')}], more than can be fed; export the model for fewer or smaller images.`,
    );
  }
  const isOpen = typeof height !== 'number' || typeof width !== 'number';
  return { ...image, openSize: isOpen && imageShape === undefined };
}

/** The channels of the first convolution's kernels, and those of colours where the model begins with something else. */
function channelsRead({ inputs, nodes, initializers }: Graph): number {
  const first = nodes.find(
    ({ domain, opType, inputs: [x] }) => domain === '' && opType === 'Conv' && x === inputs[0],
  );
  const kernel = first?.inputs[1] && initializers.get(first.inputs[1]);
  return kernel ? kernel.dims[1]! * intAttribute(first, 'group', 1) : 3;
}
