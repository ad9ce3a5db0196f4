import { DeviceError, InputError } from '../../../errors.ts';
import {
  DATA_TYPE,
  describeNode,
  encodeModel,
  type Graph,
  GraphBuilder,
  type Model,
  type Node,
  toIntegers,
  type Value,
} from '../../../onnx/index.ts';
import { float32, type Tensor } from '../../../tensor.ts';
import { type GraphRunner, probing } from '../../graph-runner.ts';
import { noise } from '../../noise.ts';
import type { ProbeShape } from '../measure/measure-shapes.ts';

/** How much a row's answer may change when other rows run beside it, as a share of the largest logit. */
const TOLERANCE = 1e-3;

/**
 * Makes a model that was exported for a fixed number of rows take any number. Exporters write the number into
 * the shapes of Reshape, whose first axis holds the rows. Other rows are run beside each other to check that
 * nothing else fixed the number. Rejects with `InputError` naming the node that keeps the number fixed.
 * Constants must be folded.
 */
export async function openBatch(model: Model, shape: ProbeShape, runner: GraphRunner): Promise<Model> {
  const [input] = model.graph.inputs as [Value];
  const rows = input.type?.shape?.[0];
  if (typeof rows !== 'number') return model;
  const reshapes = model.graph.nodes.filter((node) => givesRows(model.graph, node, rows));
  const dims = [rows, shape.channels, shape.height, shape.width];
  const [a, b] = [noise(dims, 1), noise(dims, 2)];
  const apart = (await firstOutputs(model, [a, b], runner)).flat();
  const opened = { ...model, graph: withOpenShapes(model.graph, reshapes) };
  openTypes(opened.graph);
  let together: number[];
  try {
    together = (await firstOutputs(opened, [joined(a, b)], runner)).flat();
  } catch (cause) {
    if (!(cause instanceof InputError) || cause instanceof DeviceError) throw cause;
    const at = /running (\w+) node\. Name:'([^']*)'/.exec(cause.message);
    throw fixed(rows, at ? `${at[1]} "${at[2]}"` : `a node (${cause.message})`, cause);
  }
  const scale = Math.max(...apart.map(Math.abs));
  const same =
    together.length === apart.length &&
    together.every((y, i) => Math.abs(y - apart[i]!) <= TOLERANCE * scale);
  if (!same) throw fixed(rows, reshapes[0] ? describeNode(reshapes[0]) : 'something in it');
  return opened;
}

const fixed = (rows: number, what: string, cause?: unknown): InputError =>
  new InputError(
    `The model was exported for batches of ${rows}, and ${what} keeps it from taking others; export it with a dynamic batch axis.`,
    { cause },
  );

/** Whether a Reshape is to a constant shape whose first size is a number. */
function givesRows(graph: Graph, node: Node, rows: number): boolean {
  if (node.domain !== '' || node.opType !== 'Reshape') return false;
  const sizes = targetOf(graph, node);
  return (
    sizes !== undefined && sizes.length > 1 && sizes[0]! > 0 && (!sizes.includes(-1) || sizes[0] === rows)
  );
}

function targetOf(graph: Graph, node: Node): number[] | undefined {
  const target = node.inputs[1] && graph.initializers.get(node.inputs[1]);
  return target ? toIntegers(target) : undefined;
}

/**
 * The first size of each shape left open. Where another size is open already, the first is copied from the
 * reshaped value.
 */
function withOpenShapes(graph: Graph, reshapes: readonly Node[]): Graph {
  const builder = new GraphBuilder();
  const nodes = graph.nodes.map((node) => {
    if (!reshapes.includes(node)) return node;
    const [, ...others] = targetOf(graph, node)!;
    const target = builder.ints([others.includes(-1) ? 0 : -1, ...others]);
    return { ...node, inputs: [node.inputs[0]!, target] };
  });
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...builder.initializers]) };
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
