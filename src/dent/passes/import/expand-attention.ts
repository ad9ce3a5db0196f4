import {
  DATA_TYPE,
  type Dim,
  floatAttribute,
  type Graph,
  GraphBuilder,
  intAttribute,
  type Node,
  type Value,
} from '../../../onnx/index.ts';

/**
 * Writes Attention, an operator since set 23, as products and a Softmax, which have gradients. Attention with
 * features that only language models use (causal masks, caches, shared heads, capped scores) stays one node.
 * A mask, as the position bias of windows is, is added to the scores. Shapes must be measured.
 */
export function expandAttention(graph: Graph): Graph {
  if (!graph.nodes.some(isAttention)) return graph;
  const builder = new GraphBuilder();
  for (const node of graph.nodes) {
    const last = isAttention(node) ? attend(builder, node, graph) : undefined;
    builder.append(last ?? node);
  }
  const initializers = new Map([...graph.initializers, ...builder.initializers]);
  return { ...graph, nodes: builder.nodes, initializers };
}

const isAttention = ({ domain, opType }: Node): boolean => domain === '' && opType === 'Attention';

/** A value with its type and its measured shape. */
interface Shaped {
  readonly value: Value;
  readonly dataType: number;
  readonly shape: readonly Dim[];
}

/**
 * The node that ends the parts and has the output of `node`. Undefined where the parts would not do all that
 * the node does.
 */
function attend(builder: GraphBuilder, node: Node, graph: Graph): Node | undefined {
  const [query, key, value, mask] = node.inputs.map((input) => shaped(input, graph));
  const isPlain =
    node.outputs.slice(1).every((output) => output === null) &&
    node.inputs.slice(3).every((input, i) => input === null || (i === 0 && mask)) &&
    intAttribute(node, 'is_causal', 0) === 0 &&
    floatAttribute(node, 'softcap', 0) === 0;
  if (!isPlain || !query || !key || !value) return undefined;
  if (query.shape.length === 4) return attendHeads(builder, node, [query, key, value, mask], node.outputs);
  const [heads, sharedHeads] = ['q_num_heads', 'kv_num_heads'].map((name) => intAttribute(node, name, 0));
  if (query.shape.length !== 3 || !heads || heads !== sharedHeads) return undefined;
  const parts = [query, key, value].map((part) => inHeads(builder, part, heads));
  const [rows, places] = query.shape;
  const [, , , width] = parts[2]!.shape;
  const result: Value = {
    name: `${node.name}_heads`,
    type: { dataType: DATA_TYPE.float32, shape: [rows!, heads, places!, width!] },
  };
  const last = attendHeads(builder, node, [...parts, mask], [result]);
  if (!last) return undefined;
  builder.append(last);
  const joined = builder.op('Transpose', [result], {
    attributes: { perm: [0, 2, 1, 3] },
    shape: [rows!, places!, heads, width!],
  });
  return operation('Reshape', node, [joined, builder.ints([0, 0, -1])], node.outputs);
}

function shaped(value: Value | null, { initializers }: Graph): Shaped | undefined {
  const constant = value && initializers.get(value);
  const shape = constant?.dims ?? value?.type?.shape;
  const dataType = constant?.dataType ?? value?.type?.dataType ?? DATA_TYPE.float32;
  return value && shape ? { value, dataType, shape } : undefined;
}

const operation = (
  opType: string,
  { name }: Node,
  inputs: readonly Value[],
  outputs: Node['outputs'],
): Node => ({
  opType,
  domain: '',
  name,
  inputs,
  outputs: outputs.slice(0, 1),
  attributes: {},
});

/** [N, L, heads * D] as [N, heads, L, D]. */
function inHeads(builder: GraphBuilder, { value, dataType, shape }: Shaped, heads: number): Shaped {
  const [rows, places, width] = shape as [Dim, Dim, number];
  const apart = builder.op('Reshape', [value, builder.ints([0, 0, heads, -1])], {
    shape: [rows, places, heads, width / heads],
  });
  const turned = [rows, heads, places, width / heads];
  const attributes = { perm: [0, 2, 1, 3] };
  return { value: builder.op('Transpose', [apart], { attributes, shape: turned }), dataType, shape: turned };
}

/** softmax(query key' * scale + mask) value, for each head alone, [N, heads, L, D]. */
function attendHeads(
  builder: GraphBuilder,
  node: Node,
  [query, key, value, mask]: readonly (Shaped | undefined)[],
  outputs: Node['outputs'],
): Node | undefined {
  const [rows, heads, places, width] = query!.shape;
  const [, keyHeads, keyPlaces] = key!.shape;
  if (typeof width !== 'number' || heads !== keyHeads) return undefined;
  const scale = floatAttribute(node, 'scale', 1 / Math.sqrt(width));
  const turned = builder.op('Transpose', [key!.value], {
    attributes: { perm: [0, 1, 3, 2] },
    shape: [rows!, heads!, width, keyPlaces!],
  });
  const scaled = builder.op('Mul', [query!.value, scale], { shape: query!.shape });
  const shape = [rows!, heads!, places!, keyPlaces!];
  const products = builder.op('MatMul', [scaled, turned], { shape });
  const scores = mask ? masked(builder, products, mask, shape) : products;
  const weights = builder.op('Softmax', [scores], { attributes: { axis: -1 }, shape });
  return operation('MatMul', node, [weights, value!.value], outputs);
}

/** The scores plus a mask of numbers, or those of them that a mask of truths lets through. */
function masked(builder: GraphBuilder, scores: Value, mask: Shaped, shape: readonly Dim[]): Value {
  return mask.dataType === DATA_TYPE.bool
    ? builder.op('Where', [mask.value, scores, Number.NEGATIVE_INFINITY], { shape })
    : builder.op('Add', [scores, mask.value], { shape });
}
