import { type Graph, intAttribute, intsAttribute, type Node, stringAttribute } from '../../../onnx/index.ts';
import { mapGraph } from '../map-graph.ts';

const POOLS: ReadonlySet<string> = new Set(['AveragePool', 'MaxPool', 'LpPool']);

/**
 * Rewrites pooling with ceil_mode whose last window would begin behind the image. Such a window is left out
 * when the model runs, but ONNX's shape inference counts it and refuses the graph where the sizes are known.
 * Pads take the place of ceil_mode. Shapes must be measured; where they are open, a node stays as it is.
 */
export const withoutUnstartedWindows = (graph: Graph): Graph =>
  mapGraph(graph, (node) => {
    const isRounded = POOLS.has(node.opType) && intAttribute(node, 'ceil_mode', 0) === 1;
    const axes = isRounded && node.domain === '' ? axesOf(node) : undefined;
    if (!axes?.some(({ room, stride, strides }) => strides < Math.ceil(room / stride))) return [node];
    const beyond = axes.map(({ room, stride, strides }) => Math.max(0, strides * stride - room));
    // In an average with count_include_pad pads count. What a window has beyond them does not.
    if (beyond.some(Boolean) && intAttribute(node, 'count_include_pad', 0)) return [node];
    const ends = axes.map(({ padEnd }, i) => padEnd + beyond[i]!);
    const pads = { kind: 'ints', value: [...axes.map(({ padBegin }) => padBegin), ...ends] } as const;
    const { ceil_mode: _, ...attributes } = node.attributes;
    return [{ ...node, attributes: { ...attributes, pads } }];
  });

interface Axis {
  readonly padBegin: number;
  readonly padEnd: number;
  readonly stride: number;
  /** How many strides the last window is from the first. */
  readonly strides: number;
  /** How far the first window can move until it reaches the end of the padding. */
  readonly room: number;
}

/** The spatial axes of a pooling node; undefined where a size is open, or the padding follows from sizes. */
function axesOf(node: Node): Axis[] | undefined {
  const kernel = intsAttribute(node, 'kernel_shape');
  const [input, output] = [node.inputs[0], node.outputs[0]].map((value) => value?.type?.shape?.slice(2));
  if (!kernel || !input || !output || stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET')
    return undefined;
  const all = (value: number) => new Array<number>(kernel.length).fill(value);
  const strides = intsAttribute(node, 'strides') ?? all(1);
  const dilations = intsAttribute(node, 'dilations') ?? all(1);
  const pads = intsAttribute(node, 'pads') ?? [...all(0), ...all(0)];
  const axes = kernel.map((size, i) => {
    const [padBegin, padEnd] = [pads[i]!, pads[kernel.length + i]!];
    const room = Number(input[i]) + padBegin + padEnd - ((size - 1) * dilations[i]! + 1);
    return { padBegin, padEnd, stride: strides[i]!, strides: Number(output[i]) - 1, room };
  });
  return axes.every(({ room, strides: last }) => Number.isInteger(room + last)) ? axes : undefined;
}
