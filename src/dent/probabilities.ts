import { InputError } from '../errors.ts';
import {
  encodeModel,
  type Graph,
  GraphBuilder,
  type Node,
  producersOf,
  toFloat32,
  type Value,
} from '../onnx/index.ts';
import { elementCount, float32, type Tensor } from '../tensor.ts';
import { BATCH } from './batch-axis.ts';
import type { Classifier } from './classifier.ts';
import { closingNode } from './closing-ops.ts';
import { type GraphRunner, probing } from './graph-runner.ts';
import { noise } from './noise.ts';
import type { ProbeShape } from './passes/measure/measure-shapes.ts';

/** What kind of numbers an output has, judged by its answers to probe images. */
type Scores = 'logits' | 'probabilities' | 'independent';

/** A classifier whose logits really are logits, and anything odd about its output. */
export interface CheckedOutput {
  readonly classifier: Classifier;
  /** Whether the logits are the logarithms of what the model gives. */
  readonly fromProbabilities: boolean;
  readonly warnings: readonly string[];
}

/** The probe rows: noise in [-1, 1), multiplied by the first number, plus the second. */
const PROBES = [
  { times: 1, plus: 0 },
  { times: 0.5, plus: 0.5 },
  { times: 127.5, plus: 127.5 },
  { times: 3, plus: 0 },
] as const;

/** How much sums of probabilities may differ, as a share of them. */
const TOLERANCE = 1e-3;

/** A smaller probability counts as this one, so that its logarithm is a number. */
const LEAST_PROBABILITY = 1e-30;

/**
 * Tests with a few images whether the output is what it seems to be. The Softmax need not be one node at the
 * end: where all rows are positive and have the same sum, their logarithms are the logits. No test where the
 * last layer is linear.
 */
export async function checkOutput(
  classifier: Classifier,
  shape: ProbeShape,
  runner: GraphRunner,
): Promise<CheckedOutput> {
  const believed = { classifier, fromProbabilities: false, warnings: [] };
  if (classifier.removed || endsLinear(classifier)) return believed;
  const { outputName } = classifier;
  const rows = await scoresOfProbes(classifier, shape, runner);
  const scores = judge(rows);
  if (scores === 'probabilities') {
    const sum = rows[0]!.reduce((a, b) => a + b);
    return { ...believed, classifier: withLogarithm(classifier, sum), fromProbabilities: true };
  }
  if (rows.length > 0 && rows.every((row) => isDistribution(row.map((x) => Math.exp(-x))))) {
    throw new InputError(
      `The output "${outputName}" holds negative log-probabilities, of which the least is the most likely class; export the model again so that it returns logits or probabilities.`,
    );
  }
  if (scores === 'logits') return believed;
  const warning = `The output "${outputName}" is taken for logits, but on images of noise all of it lies between 0 and 1 without adding up to 1, as independent labels do. If it comes out of a sigmoid or the like, export the model without it.`;
  return { ...believed, warnings: [warning] };
}

/**
 * Whether the output is a linear function with weights of both signs. Such a function gives no probabilities.
 */
function endsLinear({ model: { graph }, logits }: Classifier): boolean {
  const producers = producersOf(graph.nodes);
  let node = closingNode(logits, producers);
  while (node && isBias(node, graph)) node = closingNode(computedInput(node, graph)!, producers);
  if (node?.domain !== '' || !['Gemm', 'MatMul', 'Conv'].includes(node.opType)) return false;
  const weights = node.inputs[1] && graph.initializers.get(node.inputs[1]);
  if (!weights) return false;
  const numbers = toFloat32(weights);
  return numbers.some((x) => x < 0) && numbers.some((x) => x > 0);
}

const computedInput = ({ inputs }: Node, { initializers }: Graph): Value | undefined => {
  const computed = inputs.filter((value): value is Value => value !== null && !initializers.has(value));
  return computed.length === 1 ? computed[0] : undefined;
};

const isBias = (node: Node, graph: Graph): boolean =>
  node.domain === '' && node.opType === 'Add' && computedInput(node, graph) !== undefined;

/** The output for each probe that results in numbers. */
async function scoresOfProbes(
  { model, input, logits }: Classifier,
  { channels, height, width }: ProbeShape,
  runner: GraphRunner,
): Promise<number[][]> {
  const dims = [PROBES.length, channels, height, width];
  const feeds = { [input.name]: probes(dims) };
  const results = await probing(runner, encodeModel(model), (run) => run(feeds));
  const { data } = results[logits.name] ?? Object.values(results)[0]!;
  const numbers = Array.from<number | bigint, number>(data, Number);
  const classes = numbers.length / PROBES.length;
  const rows = PROBES.map((_, i) => numbers.slice(i * classes, (i + 1) * classes));
  return rows.filter((row) => row.every(Number.isFinite));
}

function probes(dims: readonly number[]): Tensor<'float32'> {
  const { data } = noise(dims, 3);
  const size = elementCount(dims.slice(1));
  return float32(
    dims,
    data.map((x, i) => {
      const { times, plus } = PROBES[Math.floor(i / size)]!;
      return x * times + plus;
    }),
  );
}

const sumOf = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0);

const isDistribution = (row: readonly number[], sum = 1): boolean =>
  row.every((x) => x >= 0) && Math.abs(sumOf(row) - sum) <= TOLERANCE * sum;

function judge(rows: readonly number[][]): Scores {
  const [first, ...others] = rows;
  if (!first) return 'logits';
  if (rows.every((row) => isDistribution(row))) return 'probabilities';
  // Where the image makes no difference, equal sums prove nothing.
  const differ = others.some((row) => row.some((x, k) => Math.abs(x - first[k]!) > TOLERANCE * Math.abs(x)));
  if (differ && rows.every((row) => isDistribution(row, sumOf(first)))) return 'probabilities';
  const isUnit = rows.every((row) => row.every((x) => x >= 0 && x <= 1));
  return differ && isUnit ? 'independent' : 'logits';
}

/** The classifier with the logarithm of its output. These are logits: their Softmax is the output again. */
function withLogarithm(classifier: Classifier, sum: number): Classifier {
  const { model, logits: probabilities } = classifier;
  const { graph } = model;
  const builder = new GraphBuilder('log_probabilities/');
  const shape = probabilities.type?.shape ?? [BATCH];
  const positive = builder.op('Max', [probabilities, LEAST_PROBABILITY * sum], { shape });
  const logits = builder.op('Log', [positive], { shape });
  const nodes = [...graph.nodes, ...builder.nodes];
  const initializers = new Map([...graph.initializers, ...builder.initializers]);
  return {
    ...classifier,
    logits,
    model: { ...model, graph: { ...graph, nodes, initializers, outputs: [logits] } },
  };
}
