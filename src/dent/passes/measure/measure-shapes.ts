import { InputError } from '../../../errors.ts';
import {
  type Constant,
  DATA_TYPE,
  type Dim,
  encodeModel,
  fromTensor,
  type Graph,
  type Model,
  type Node,
  type Value,
  valuesRead,
  withoutUnused,
} from '../../../onnx/index.ts';
import { elementCount, float32, type Tensor } from '../../../tensor.ts';
import { BATCH } from '../../batch-axis.ts';
import { type GraphRunner, probing } from '../../graph-runner.ts';
import { zeroWeights } from './zero-weights.ts';

/**
 * Larger results of shape arithmetic (a position grid of a large image) stay in the graph, to be computed
 * there.
 */
const LARGEST_CONSTANT = 2 ** 20;

/** The image sizes to use for an open one, and the channels where even those are open. */
export interface ProbeShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Whether the model leaves height or width open. A second size then shows which shapes depend on it. */
  readonly openSize: boolean;
}

/**
 * Measures the shape of every value instead of inferring it: runs the model on zeros with two batch sizes
 * (and two image sizes where they are open). Sizes that differ between the runs are open and become symbols.
 * Results of shape arithmetic that are equal both times do not depend on the batch and become constants.
 */
export async function measureShapes(model: Model, shape: ProbeShape, runner: GraphRunner): Promise<Model> {
  const derived = shapeArithmetic(model.graph);
  const probe = probeModel(model, derived);
  const [first, second] = await runOnZeros(probe.bytes, model.graph.inputs[0]!, shape, runner);
  probe.shapes.forEach((value, name) => {
    value.type = {
      dataType: value.type?.dataType ?? DATA_TYPE.float32,
      shape: dimsOf(first[name]!, second[name]!),
    };
  });
  const initializers = new Map(model.graph.initializers);
  probe.derived.forEach((value, name) => {
    value.type = { ...value.type, dataType: DATA_TYPE[first[name]!.type] };
    const constant = sameConstant(first[name]!, second[name]!);
    if (constant) initializers.set(value, constant);
  });
  const nodes = model.graph.nodes.filter(
    (node) => !node.outputs.every((value) => !value || initializers.has(value)),
  );
  return { ...model, graph: withoutUnused({ ...model.graph, nodes, initializers }) };
}

type Outputs = Readonly<Record<string, Tensor>>;

/**
 * The model's results for zeros: for two rows, and for three rows of larger images where their size is open.
 * A model with a fixed number of rows runs with that number.
 */
export async function runOnZeros(
  bytes: Uint8Array,
  { name, type }: Value,
  { channels, height, width, openSize }: ProbeShape,
  runner: GraphRunner,
): Promise<[Outputs, Outputs]> {
  const zeros = (rows: number, extra: number) => {
    const dims = [rows, channels, height + extra, width + extra];
    return { [name]: float32(dims, new Float32Array(elementCount(dims))) };
  };
  const rows = type?.shape?.[0];
  const [few, more] = typeof rows === 'number' ? [rows, rows] : [2, 3];
  return probing(runner, bytes, async (run) => [
    await run(zeros(few, 0)),
    await run(zeros(more, openSize ? 32 : 0)),
  ]);
}

function dimsOf(first: Tensor, second: Tensor): Dim[] {
  const [a, b] = [
    Array.from<number | bigint, number>(first.data, Number),
    Array.from<number | bigint, number>(second.data, Number),
  ];
  if (a.length !== b.length)
    throw new InputError(
      'The rank of a value inside the model depends on the batch size; export the model for a batch of more than one image.',
    );
  return a.map((size, axis) => {
    if (size === b[axis]) return size;
    return size === 2 && b[axis] === 3 ? BATCH : `d${size}_${b[axis]}`;
  });
}

function sameConstant(first: Tensor, second: Tensor): Constant | undefined {
  if (first.data.length !== second.data.length || first.data.length > LARGEST_CONSTANT) return undefined;
  return first.data.every((x, i) => x === second.data[i]) ? fromTensor(first) : undefined;
}

interface Probe {
  readonly bytes: Uint8Array;
  readonly shapes: ReadonlyMap<string, Value>;
  readonly derived: ReadonlyMap<string, Value>;
}

/** The model with more outputs: the shape of each value, and the results of shape arithmetic. */
function probeModel(model: Model, derived: ReadonlySet<Value>): Probe {
  const shapes = new Map<string, Value>();
  const values = new Map<string, Value>();
  // The fed image, of any size, takes the input's name. The input itself becomes a value of the graph.
  const input = model.graph.inputs[0]!;
  const fed: Value = { name: input.name, type: { dataType: DATA_TYPE.float32, shape: ['n', 'c', 'h', 'w'] } };
  const nodes: Node[] = [node('Identity', fed, input), ...model.graph.nodes];
  const outputs: Value[] = [];
  const expose = (opType: string, value: Value, names: Map<string, Value>): void => {
    const output: Value = { name: `probe_${outputs.length}` };
    nodes.push(node(opType, value, output));
    outputs.push(output);
    names.set(output.name, value);
  };
  for (const value of [...model.graph.inputs, ...model.graph.nodes.flatMap((node) => node.outputs)]) {
    if (!value) continue;
    expose('Shape', value, shapes);
    if (derived.has(value)) expose('Identity', value, values);
  }
  const graph: Graph = { ...model.graph, nodes, outputs, inputs: [fed] };
  const read = model.graph.nodes.filter((each) => each.outputs.some((value) => value && derived.has(value)));
  const kept = new Set(read.flatMap(valuesRead));
  return { bytes: encodeModel({ ...model, graph: zeroWeights(graph, kept) }), shapes, derived: values };
}

const node = (opType: string, input: Value, output: Value): Node => ({
  opType,
  domain: '',
  name: output.name,
  inputs: [input],
  outputs: [output],
  attributes: {},
});

/**
 * The values that follow from shapes and initializers alone, never from pixels: the arithmetic that exporters
 * write around Shape.
 */
export function shapeArithmetic(graph: Graph): Set<Value> {
  const derived = new Set<Value>();
  const isDerived = (value: Value | null): boolean =>
    value === null || derived.has(value) || graph.initializers.has(value);
  for (const node of graph.nodes) {
    const source = node.opType === 'Shape' || node.opType === 'Size';
    // CastLike takes only the type of its second input.
    const read = node.opType === 'CastLike' ? node.inputs.slice(0, 1) : node.inputs;
    if (source || read.every(isDerived)) for (const value of node.outputs) if (value) derived.add(value);
  }
  return derived;
}
