import { createHash } from 'node:crypto';
import type { Target } from '../autodiff/index.ts';
import { InputError } from '../errors.ts';
import { decodeModel, describeNode, domainsOf, encodeModel, type Graph, type Model } from '../onnx/index.ts';
import { adaptedLayers, changesLayers, refuseOptimised, refuseQuantised } from './adapted-layers.ts';
import { adaptiveForward } from './adaptive-forward.ts';
import { assemble } from './assemble.ts';
import { assemblePass, carriedShape } from './assemble-pass.ts';
import { imageName, logitsName, VALID_ROWS_INPUT } from './graph-names.ts';
import type { GraphRunner } from './graph-runner.ts';
import type { AdaptableLayer } from './layers.ts';
import { nodesInTheWay } from './missing-rules.ts';
import { lossOf } from './objective.ts';
import { lower } from './passes/lower/lower.ts';
import { type PreparedModel, type PrepareOptions, prepare, RECIPE_METADATA } from './prepare.ts';
import type { Reading } from './reading.ts';
import { isSumOverRows } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';
import type { LossScale } from './row-passes.ts';
import { type FarCache, rowsPerEvenPart, rowsPerPartOf, rowsPerRun } from './rows-per-part.ts';

/**
 * To be changed whenever the same model and recipe would compile to another graph. Part of the cache key of
 * artifacts.
 */
export const COMPILER_VERSION = '9';

export interface CompileOptions extends PrepareOptions {
  /** The hardware the graph is written for, `cpu` by default. It runs on any. */
  readonly target?: Target;
  /**
   * What convolutions are computed in, and with them all activations and their gradients; `fp32` by default.
   * What a GPU makes of float32 is the engine's to say.
   */
  readonly activations?: 'fp32' | 'fp16';
  /**
   * Allows a graph of one pass (see assemble-pass.ts), for a runner that goes through the rows itself. Unlike
   * the self-adapting graph it can run on parts of the rows side by side. Where the recipe or the target does
   * not allow it, the graph is self-adapting.
   */
  readonly inPasses?: boolean;
  /**
   * Adds the input `valid_rows`, an int64 scalar: so many rows of the batch count, the first ones, and the
   * others only fill it up to a size that the runner knows already. Their pixels are never read, and their
   * answers mean nothing. Not for a graph of one pass.
   */
  readonly isPadded?: boolean;
  /** Of the machine that runs the graph, as it decides on the size of parts; `slow` by default. */
  readonly farCache?: FarCache;
  /**
   * Adds the output `parameters` [R, P] to the self-adapting graph: the offsets at the end of adaptation, R
   * being 1 or the rows. `adaptiveForward` takes them as they are. Not for a graph of one pass.
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
  /** How the model's file was understood. */
  readonly reading: Reading;
  /** How many rows to take at once where a batch may be cut. */
  readonly rowsPerPart: number;
  /** How many layers have their scale and shift adapted, and how many numbers these are in all. */
  readonly layers: number;
  readonly parameters: number;
  /**
   * Present where the graph is one pass: the shape of the state that one pass hands to the next, [tensors,
   * parameters].
   */
  readonly carried?: readonly [number, number];
  /** The name of the input that says how many rows count; present in a padded graph. */
  readonly validRows?: string;
}

/**
 * Writes the self-adapting graph of `model` (serialized ONNX bytes) for `recipe`. A recipe of zero steps
 * compiles to the forward pass alone. Rejects with `InputError` naming the node and op at fault.
 */
export async function compile(
  model: Uint8Array,
  recipe: Recipe,
  runner: GraphRunner,
  options: CompileOptions = {},
): Promise<CompiledModel> {
  const prepared = await prepare(decodeModel(model), runner, options);
  const { classifier, classes, imageShape, reading } = prepared;
  const { graph: written, layers, parameters, carried } = adaptiveGraph(prepared, recipe, options);
  const graph = lower(written, options.target ?? 'cpu', options.activations ?? 'fp32');
  const bytes = encodeModel({
    ...classifier.model,
    otherDomains: usedDomains(classifier.model, graph),
    producer: 'dent-serve',
    graph,
    metadata: {
      [RECIPE_METADATA]: JSON.stringify(recipe),
      'dent.version': COMPILER_VERSION,
      'dent.source_sha256': createHash('sha256').update(model).digest('hex'),
    },
  });
  return {
    bytes,
    input: imageName(classifier),
    output: logitsName(classifier),
    classes,
    imageShape,
    reading,
    rowsPerPart: rowsPerRun(classifier.model.graph, recipe, options.farCache ?? 'slow'),
    layers: layers.length,
    parameters,
    ...(carried && { carried }),
    ...(options.isPadded && { validRows: VALID_ROWS_INPUT }),
  };
}

/** Exporters import domains that they do not use, such as that of functions which have been inlined. */
function usedDomains({ otherDomains }: Model, graph: Graph): Record<string, number> {
  const used = domainsOf(graph);
  return Object.fromEntries(Object.entries(otherDomains).filter(([domain]) => used.has(domain)));
}

interface AdaptiveGraph extends Pick<CompiledModel, 'parameters' | 'carried'> {
  readonly graph: Graph;
  readonly layers: readonly AdaptableLayer[];
}

/**
 * The self-adapting graph of a prepared model, and the layers it adapts. Throws `InputError` naming the node
 * and op at fault.
 */
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

/** What to do when an operator blocks the gradient. */
export const NO_GRADIENT =
  'docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.';

const OPEN_SIZE =
  "The model leaves its height and width open; for one size, by --size or the manifest's width and height, it may compile.";

/** Adds `advice` to the end of the errors of `work`. */
function advised<T>(advice: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw cause instanceof InputError ? new InputError(`${cause.message} ${advice}`, { cause }) : cause;
  }
}

/**
 * The gradient of a row's loss begins with numbers of up to 1. With this they begin in the middle of
 * float16's range.
 */
const ROW_SCALE = 2 ** 6;

/** A row's share of the loss becomes `ROW_SCALE`, whatever the recipe divides the sum of all rows by. */
function lossScaleOf({ rows, objective }: Recipe): LossScale {
  const isPerRow = rows === 'batch' || objective === 'infomax';
  return { factor: isPerRow ? ROW_SCALE : ROW_SCALE * rows, isPerRow };
}

/** On a GPU small kernels cost the time, not the size of a cache. */
const WHOLE_BATCH = 2 ** 31 - 1;

type PartOptions = Required<Pick<CompileOptions, 'target' | 'inPasses' | 'isPadded' | 'farCache'>>;

/** How many rows a part has where rows stop on their own. */
function partRowsOf(
  graph: Graph,
  recipe: Recipe,
  { target, inPasses, isPadded, farCache }: PartOptions,
): number {
  if (target === 'cuda') return isPadded ? rowsPerEvenPart(graph) : WHOLE_BATCH;
  // All threads of a session work on one part, each in the cache of its own core. A runner that cuts batches
  // gives each session one thread.
  return (inPasses ? 1 : 2) * rowsPerPartOf(graph, recipe, farCache);
}

function graphOf(
  prepared: PreparedModel,
  recipe: Recipe,
  layers: readonly AdaptableLayer[],
  options: CompileOptions,
): AdaptiveGraph {
  const {
    target = 'cpu',
    exposesParameters = false,
    activations = 'fp32',
    isPadded = false,
    farCache = 'slow',
  } = options;
  const inPasses = options.inPasses === true && !isPadded;
  const { classifier, imageShape } = prepared;
  const forward = advised(OPEN_SIZE, () => adaptiveForward(classifier, layers, recipe));
  if (recipe.steps > 0 && forward.parameterCount === 0) {
    throw new InputError(
      'The recipe has steps but nothing to adapt: affine is off and sigma is off or fixed. Turn one on, or ask for 0 steps.',
    );
  }
  const partRows = partRowsOf(classifier.model.graph, recipe, { target, inPasses, isPadded, farCache });
  const loss = lossOf(recipe);
  const components = {
    ...prepared,
    layers,
    forward,
    recipe,
    loss,
    target,
    exposesParameters,
    partRows,
    isPadded,
    ...(activations === 'fp16' && { lossScale: lossScaleOf(recipe) }),
  };
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

/**
 * With smoothing the first prediction already differs from the model's own, so the model's own logits would
 * cost another pass.
 */
const runsInPasses = (recipe: Recipe): boolean =>
  recipe.steps > 0 && isSumOverRows(recipe) && recipe.sigma === 'off';
