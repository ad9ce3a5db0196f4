import {
  type AdaptiveForward,
  adaptedLayers,
  adaptiveForward,
  isCoupled,
  type PreparedModel,
  type Recipe,
  rowsPerPart,
} from '../dent/index.ts';
import type { Engine, OpenGraph } from '../engine/engine.ts';
import { int64, type Tensor } from '../tensor.ts';
import { BY_PARAMETERS, FEEDS, forwardGraph, gradientGraph, RESULTS } from './gradient-graph.ts';
import { LOSSES, usableLoss, usableLosses } from './losses.ts';
import type { PixelScaling } from './pixel-scaling.ts';
import { runRows, takeRows } from './row-parts.ts';
import type { Ascent, LossOf, OpenTarget } from './target.ts';

/**
 * The graphs of one network under a recipe, opened when they are first needed: its logits, and the gradients
 * of losses.
 */
export interface Network {
  /** Opens what every attack needs. Rejects with `InputError` where no gradient passes the network. */
  open(): Promise<void>;
  /** The network with these parameters, [1, P] or [N, P]; without, as it is. */
  at(parameters?: Tensor<'float32'>): OpenTarget;
  /**
   * What a loss is with these parameters, one set for each row, and how it grows with pixels and parameters.
   */
  slopes(
    parameters: Tensor<'float32'>,
    pixels: Tensor<'float32'>,
    loss: LossOf,
    signal?: AbortSignal,
  ): Promise<Slopes>;
  release(): Promise<void>;
}

export interface Slopes extends Ascent {
  /** [N, P]. */
  readonly byParameters: Tensor<'float32'>;
}

export interface NetworkDeps {
  readonly engine: Pick<Engine, 'device' | 'open'>;
  readonly prepared: PreparedModel;
  readonly scaling: PixelScaling;
  /** What graphs are called in errors. */
  readonly name: string;
}

const WHOLE = 2 ** 31 - 1;

function forwardOf(prepared: PreparedModel, recipe: Recipe): AdaptiveForward {
  const { classifier } = prepared;
  return adaptiveForward(classifier, adaptedLayers(recipe, classifier.model.graph), recipe);
}

/** The network of a recipe, whose adapted parameters an input takes. */
export function openNetwork({ engine, prepared, scaling, name }: NetworkDeps, recipe: Recipe): Network {
  const forward = forwardOf(prepared, recipe);
  const { model } = prepared.classifier;
  // Held fixed, parameters of the batch couple no rows: statistics of the batch do.
  const independentRows = !isCoupled({ ...recipe, steps: 0 });
  const cuts = independentRows && engine.device === 'cpu';
  const rows = (adapts: boolean) => (cuts ? rowsPerPart(model.graph, adapts) : WHOLE);
  const open = new Map<string, Promise<OpenGraph>>();
  const graph = (of: string, write: () => Uint8Array): Promise<OpenGraph> => {
    const known = open.get(of);
    if (known !== undefined) return known;
    const source = { name: `The graph "${of}" of ${name}`, model: write() };
    const opened = engine.open(source, { sessions: cuts ? 'every' : 'first', optimise: true });
    open.set(of, opened);
    return opened;
  };
  const openGradient = () =>
    graph('gradient', () => gradientGraph(prepared, forward, scaling, usableLosses(prepared.classes)));
  const context: Context = {
    classes: prepared.classes,
    independentRows,
    async forward(pixels, parameters, signal) {
      const opened = await graph('forward', () => forwardGraph(prepared, forward, scaling));
      const tensors = { [FEEDS.pixels]: pixels, ...(parameters && { [FEEDS.parameters]: parameters }) };
      return runRows(
        opened,
        { count: pixels.dims[0]!, tensors },
        { fetches: [RESULTS.logits], rowsPerRun: rows(false), signal },
      );
    },
    async gradient(tensors, signal) {
      const opened = await openGradient();
      return runRows(
        opened,
        { count: tensors[FEEDS.pixels]!.dims[0]!, tensors },
        { fetches: Object.values(RESULTS), rowsPerRun: rows(true), signal },
      );
    },
  };
  const { classes } = prepared;
  return {
    async open() {
      await openGradient();
    },
    async slopes(parameters, pixels, loss, signal) {
      const losses = usableLosses(classes);
      const opened = await graph('slopes', () => gradientGraph(prepared, forward, scaling, losses, true));
      const tensors = lossTensors(classes, pixels, parameters, loss);
      const fetches = [...Object.values(RESULTS), BY_PARAMETERS];
      const run = { fetches, rowsPerRun: rows(true), signal };
      const outputs = await runRows(opened, { count: pixels.dims[0]!, tensors }, run);
      return {
        ...ascentOf(outputs, classes, loss),
        byParameters: outputs[BY_PARAMETERS] as Tensor<'float32'>,
      };
    },
    at(parameters) {
      if (parameters === undefined && forward.parameterCount > 0)
        throw new Error(`${name} has parameters, and was given none. This is a bug.`);
      return targetAt(context, forward.parameterCount > 0 ? parameters : undefined);
    },
    async release() {
      const graphs = await Promise.allSettled(open.values());
      await Promise.all(
        graphs.map((each) => (each.status === 'fulfilled' ? each.value.release() : undefined)),
      );
    },
  };
}

type Parameters = Tensor<'float32'> | undefined;
type Outputs = Promise<Record<string, Tensor>>;

interface Context {
  readonly classes: number;
  readonly independentRows: boolean;
  forward(pixels: Tensor<'float32'>, parameters: Parameters, signal?: AbortSignal): Outputs;
  gradient(feeds: Record<string, Tensor>, signal?: AbortSignal): Outputs;
}

/** Each row's class as the graph takes it. */
const classTensor = (of: Int32Array): Tensor<'int64'> => int64([of.length], [...of]);

/** Of the losses of a graph only that in the column `column` counts. */
function lossFeeds({ name, labels, targets, weights }: LossOf, column: number, of: number) {
  if (LOSSES[name].isTargeted && targets === undefined)
    throw new Error(`The loss ${name} wants targets. This is a bug.`);
  const data = new Float64Array(labels.length * of);
  for (let row = 0; row < labels.length; row++) data[row * of + column] = weights?.[row] ?? 1;
  return {
    [FEEDS.labels]: classTensor(labels),
    [FEEDS.targets]: classTensor(targets ?? labels),
    [FEEDS.weights]: { type: 'float64', dims: [labels.length, of], data } as const,
  };
}

const columnOf = ({ name }: LossOf, classes: number): number =>
  usableLosses(classes).indexOf(usableLoss(name, classes));

const lossTensors = (classes: number, pixels: Tensor<'float32'>, parameters: Parameters, loss: LossOf) => ({
  [FEEDS.pixels]: pixels,
  ...(parameters && { [FEEDS.parameters]: parameters }),
  ...lossFeeds(loss, columnOf(loss, classes), usableLosses(classes).length),
});

function ascentOf(outputs: Record<string, Tensor>, classes: number, loss: LossOf): Ascent {
  const all = (outputs[RESULTS.losses] as Tensor<'float64'>).data;
  const [column, count] = [columnOf(loss, classes), usableLosses(classes).length];
  return {
    logits: outputs[RESULTS.logits] as Tensor<'float32'>,
    losses: Float64Array.from(loss.labels, (_, row) => all[row * count + column]!),
    gradient: outputs[RESULTS.gradient] as Tensor<'float32'>,
  };
}

function targetAt(context: Context, parameters: Parameters): OpenTarget {
  const { classes, independentRows } = context;
  return {
    classes,
    independentRows,
    async logits(pixels, signal) {
      const outputs = await context.forward(pixels, parameters, signal);
      return outputs[RESULTS.logits] as Tensor<'float32'>;
    },
    async lossAndGradient(pixels, loss, signal): Promise<Ascent> {
      const outputs = await context.gradient(lossTensors(classes, pixels, parameters, loss), signal);
      return ascentOf(outputs, classes, loss);
    },
    only(rows) {
      if (!independentRows)
        throw new Error('Rows that depend on one another cannot be attacked alone. This is a bug.');
      const perRow = parameters !== undefined && parameters.dims[0] !== 1;
      return targetAt(context, perRow ? takeRows(parameters, rows) : parameters);
    },
  };
}
