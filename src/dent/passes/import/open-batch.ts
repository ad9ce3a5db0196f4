import { DeviceError, InputError } from '../../../errors.ts';
import {
  DATA_TYPE,
  describeNode,
  encodeModel,
  type Graph,
  GraphBuilder,
  intAttribute,
  type Model,
  type Node,
  toIntegers,
  type Value,
} from '../../../onnx/index.ts';
import { float32, type Tensor } from '../../../tensor.ts';
import { type GraphRunner, probing } from '../../graph-runner.ts';
import { noise } from '../../noise.ts';
import { measureShapes, type ProbeShape } from '../measure/measure-shapes.ts';

/** How much a row's answer may change when other rows run beside it, as a share of the largest logit. */
const TOLERANCE = 1e-3;

/**
 * Makes a model that was exported for a fixed number of rows take any number. Exporters write the number into
 * the shapes of Reshape, whose first axis holds the rows, and into tokens that they join to each row. Other
 * rows are run beside each other to check that nothing else fixed the number. Rejects with `InputError`
 * naming the node that keeps the number fixed. Constants must be folded.
 */
export async function openBatch(model: Model, shape: ProbeShape, runner: GraphRunner): Promise<Model> {
  const [input] = model.graph.inputs as [Value];
  const rows = input.type?.shape?.[0];
  if (typeof rows !== 'number') return model;
  const dims = [rows, shape.channels, shape.height, shape.width];
  const batches = [noise(dims, 1), noise(dims, 2)] as const;
  const apart = (await firstOutputs(model, batches, runner)).flat();
  // Measured for that number of rows, all arithmetic with shapes is constant.
  const measured = await measureShapes(model, shape, runner);
  const attempt = (closed: Model, targets: Targets) =>
    opened(closed, { rows, targets, batches, apart }, runner);
  try {
    return await attempt(model, writtenTargets(model.graph, rows));
  } catch (cause) {
    if (!(cause instanceof InputError) || cause instanceof DeviceError) throw cause;
    return await attempt(measured, measuredTargets(measured.graph)).catch(() => {
      throw cause;
    });
  }
}

/** The shapes to write into Reshapes, with their first size left open. */
type Targets = ReadonlyMap<Node, readonly number[]>;

interface Trial {
  readonly rows: number;
  readonly targets: Targets;
  /** Two batches, and what the model gives for one after the other. */
  readonly batches: readonly [Tensor<'float32'>, Tensor<'float32'>];
  readonly apart: readonly number[];
}

/** The model with these shapes. Rejects where it does not give the same for both batches at once. */
async function opened(
  model: Model,
  { rows, targets, batches, apart }: Trial,
  runner: GraphRunner,
): Promise<Model> {
  const open = { ...model, graph: withOpenTokens(withTargets(model.graph, targets), rows) };
  openTypes(open.graph);
  let together: number[];
  try {
    together = (await firstOutputs(open, [joined(...batches)], runner)).flat();
  } catch (cause) {
    if (!(cause instanceof InputError) || cause instanceof DeviceError) throw cause;
    const at = /running (\w+) node\. Name:'([^']*)'/.exec(cause.message);
    throw fixed(rows, at ? `${at[1]} "${at[2]}"` : `a node (${cause.message})`, cause);
  }
  const scale = Math.max(...apart.map(Math.abs));
  const same =
    together.length === apart.length &&
    together.every((y, i) => Math.abs(y - apart[i]!) <= TOLERANCE * scale);
  const [first] = targets.keys();
  if (!same) throw fixed(rows, first ? describeNode(first) : 'something in it');
  return open;
}

const fixed = (rows: number, what: string, cause?: unknown): InputError =>
  new InputError(
    `The model was exported for batches of ${rows}, and ${what} keeps it from taking others; export it with a dynamic batch axis.`,
    { cause },
  );

/**
 * Those of Reshapes whose first size is a number, as they are written. Where another size is open already,
 * the first is copied from the reshaped value.
 */
function writtenTargets(graph: Graph, rows: number): Targets {
  const targets = new Map<Node, readonly number[]>();
  for (const [node, [first, ...others]] of constantTargets(graph)) {
    const isOpen = others.includes(-1);
    if (!isOpen || first === rows) targets.set(node, [isOpen ? 0 : -1, ...others]);
  }
  return targets;
}

/** The same with all sizes but the first as they were measured. */
function measuredTargets(graph: Graph): Targets {
  const targets = new Map<Node, readonly number[]>();
  for (const [node] of constantTargets(graph)) {
    const [, ...others] = node.outputs[0]?.type?.shape ?? [];
    if (others.every((size) => typeof size === 'number')) targets.set(node, [-1, ...others]);
  }
  return targets;
}

/** The Reshapes to constant shapes of several sizes of which the first is a number. */
function constantTargets({ nodes, initializers }: Graph): Targets {
  const targets = new Map<Node, readonly number[]>();
  for (const node of nodes) {
    const target = node.inputs[1] && initializers.get(node.inputs[1]);
    if (node.domain !== '' || node.opType !== 'Reshape' || !target) continue;
    const sizes = toIntegers(target);
    if (sizes.length > 1 && sizes[0]! > 0) targets.set(node, sizes);
  }
  return targets;
}

function withTargets(graph: Graph, targets: Targets): Graph {
  const builder = new GraphBuilder();
  const nodes = graph.nodes.map((node) => {
    const target = targets.get(node);
    return target ? { ...node, inputs: [node.inputs[0]!, builder.ints(target)] } : node;
  });
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...builder.initializers]) };
}

/**
 * Repeats constants that a Concat joins to the rows, such as class tokens, for each row. They have an entry
 * for each of the fixed number of rows; the first stands for all.
 */
function withOpenTokens(graph: Graph, rows: number): Graph {
  const builder = new GraphBuilder('tokens/');
  const repeated = (value: Value): Value => {
    const constant = graph.initializers.get(value);
    if (!constant || constant.dims.length < 2 || constant.dims[0] !== rows) return value;
    const dims = [1, ...constant.dims.slice(1)];
    const bytes = constant.bytes.subarray(0, constant.bytes.length / rows);
    const count = builder.op('Shape', [graph.inputs[0]!], { attributes: { start: 0, end: 1 } });
    const others = builder.ints(dims.slice(1).map(() => 1));
    const target = builder.op('Concat', [count, others], { attributes: { axis: 0 } });
    return builder.op('Expand', [builder.constant({ ...constant, dims, bytes }), target]);
  };
  for (const node of graph.nodes) {
    const isJoined = node.domain === '' && node.opType === 'Concat' && intAttribute(node, 'axis', 0) !== 0;
    builder.append(
      isJoined ? { ...node, inputs: node.inputs.map((value) => value && repeated(value)) } : node,
    );
  }
  const initializers = new Map([...graph.initializers, ...builder.initializers]);
  return { ...graph, nodes: builder.nodes, initializers };
}

/**
 * Removes the number of rows from the declared types of input and outputs. In place: values are known by
 * identity.
 */
function openTypes({ inputs, outputs }: Graph): void {
  for (const value of [...inputs, ...outputs]) {
    const { dataType = DATA_TYPE.float32, shape } = value.type ?? {};
    value.type = { dataType, ...(shape && { shape: ['rows', ...shape.slice(1)] }) };
  }
}

/** The model's first output for each of several batches. */
async function firstOutputs(
  model: Model,
  batches: readonly Tensor<'float32'>[],
  runner: GraphRunner,
): Promise<number[][]> {
  const { graph } = model;
  const [output] = graph.outputs as [Value];
  const bytes = encodeModel({ ...model, graph: { ...graph, outputs: [output] } });
  return probing(runner, bytes, async (run) => {
    const found: number[][] = [];
    for (const images of batches) {
      const results = await run({ [graph.inputs[0]!.name]: images });
      found.push(Array.from<number | bigint, number>(results[output.name]!.data, Number));
    }
    return found;
  });
}

function joined(a: Tensor<'float32'>, b: Tensor<'float32'>): Tensor<'float32'> {
  const [rows, ...image] = a.dims as [number, ...number[]];
  return float32([2 * rows, ...image], Float32Array.from([...a.data, ...b.data]));
}
