import type { Graph, Value } from '../onnx/index.ts';
import { BATCH } from './batch-axis.ts';
import { stopsRows } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';

/*
 * A small part's activations stay in the near cache, but each part reads the weights again and starts every
 * node again. Fitted to the fastest parts of thirteen networks (docs/decisions/0003): the activations of a
 * part should weigh as much as its weights and node starts.
 */
/**
 * How often the weights count: a forward pass and a gradient read them, from further away than activations.
 */
const WEIGHT_READS = 3;
/** The cost of starting a node and those of its gradient, in bytes. */
const BYTES_PER_NODE = 100_000;
/**
 * Starts count this many times where rows stop on their own, as the later nodes start for a few rows each,
 * and where activations that have left the near cache are not much further away; both together multiply.
 */
const WEIGHTIER_STARTS = 4;
/**
 * Only as long as a part's activations fit into a far cache: beyond it, larger parts gain nothing. Twice that
 * for both reasons, as fewer of the activations are read again where rows stop.
 */
const FAR_CACHE_BYTES = 2 ** 25;

/** How far away activations are that have left a core's own cache. */
export type FarCache = 'slow' | 'fast';
/** More activations than this gain nothing and cost memory. */
const LARGEST_ACTIVATIONS = 2 ** 29;
/** More rows gain little, and a batch should have parts for every core. */
const LARGEST_PART = 16;
/** A prediction alone takes this many times as many rows: it keeps no activation for a gradient. */
const PREDICTION_FACTOR = 4;

/**
 * How many rows to take at once where a batch may be cut, to adapt (`adapts`) or only to predict. `graph` is
 * the model's, with known shapes; open sizes count as nothing.
 */
export const rowsPerPart = (graph: Graph, adapts: boolean): number => fittingRows(graph, adapts, 0);

/** The same for a recipe and a machine. */
export function rowsPerPartOf(graph: Graph, recipe: Recipe, farCache: FarCache): number {
  const adapts = recipe.steps > 0;
  const reasons = [farCache === 'fast', stopsRows(recipe)].filter((holds) => adapts && holds);
  return fittingRows(graph, adapts, reasons.length);
}

/** `reasons`: how many there are for larger parts. */
function fittingRows(graph: Graph, adapts: boolean, reasons: number): number {
  const activations = activationsPerRow(graph);
  const weights = sum([...graph.initializers.values()].map(({ dims }) => bytesOf(dims)));
  const starts = BYTES_PER_NODE * graph.nodes.length;
  const larger = WEIGHT_READS * weights + WEIGHTIER_STARTS ** reasons * starts;
  const anew = Math.max(WEIGHT_READS * weights + starts, Math.min(larger, reasons * FAR_CACHE_BYTES));
  const rows = Math.min(LARGEST_PART, Math.min(anew, LARGEST_ACTIVATIONS) / activations);
  return Math.max(1, Math.round(adapts ? rows : PREDICTION_FACTOR * rows));
}

/**
 * A GPU has enough to do with this many bytes of activations, so smaller parts of a batch would take no less
 * time. An estimate, not measured: reading them takes longer than starting the nodes of a network.
 */
const ENOUGH_FOR_A_GPU = 2 ** 31;

/** The most rows, a power of two, of a part on a GPU where parts must all have one size. */
export function rowsPerEvenPart(graph: Graph): number {
  const rows = Math.max(1, ENOUGH_FOR_A_GPU / activationsPerRow(graph));
  return 2 ** Math.round(Math.log2(rows));
}

/**
 * A run takes this many parts at first where rows stop on their own: the rows that still go fill fewer and
 * fewer parts.
 */
const PARTS_PER_RUN = 8;

/** How many rows to run at once, of a batch that may be cut. */
export const rowsPerRun = (graph: Graph, recipe: Recipe, farCache: FarCache): number => {
  const size = rowsPerPartOf(graph, recipe, farCache);
  return recipe.steps > 0 && stopsRows(recipe) ? PARTS_PER_RUN * size : size;
};

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Of float32 elements. */
const bytesOf = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 4);

/** Bytes of all activations of one row. */
function activationsPerRow({ nodes }: Graph): number {
  const values = nodes.flatMap((node) => node.outputs).filter((value): value is Value => value !== null);
  return Math.max(1, sum(values.map(bytesPerRow)));
}

/** Bytes of one row of a float32 activation; 0 where the value has no batch axis or an open size. */
function bytesPerRow(value: Value): number {
  const [batch, ...sizes] = value.type?.shape ?? [];
  if (batch !== BATCH || !sizes.every((size) => typeof size === 'number')) return 0;
  return bytesOf(sizes as number[]);
}
