import { InputError } from '../errors.ts';
import {
  type Dim,
  dataTypeName,
  decodeModel,
  describeNode,
  type Graph,
  type Node,
  type Value,
} from '../onnx/index.ts';
import { refuseOptimised, refuseQuantised } from './adapted-layers.ts';
import { adaptiveGraph, type CompileOptions, NO_GRADIENT } from './compile.ts';
import type { GraphRunner } from './graph-runner.ts';
import { type AdaptableLayer, findLayers, type LayerKind } from './layers.ts';
import { nodesInTheWay } from './missing-rules.ts';
import { isChannelsLast } from './passes/import/channels-first.ts';
import { type PreparedModel, prepare } from './prepare.ts';
import type { Reading } from './reading.ts';
import { PRESETS } from './recipe.ts';
import { createSearch } from './search.ts';
import { firstUses, linkShared } from './shared-layers.ts';

export interface DescribedValue {
  readonly name: string;
  /** In ONNX Runtime's words. Absent, like the shape, where the model does not say it. */
  readonly type?: string;
  /** Sizes, or names where a size is open. */
  readonly shape?: readonly Dim[];
}

export interface DescribedLayer {
  readonly name: string;
  readonly kind: LayerKind;
  /** Absent where the layer's scale is no constant. */
  readonly channels?: number;
  readonly adapted: boolean;
  /** Why the layer is left as it is. */
  readonly reason?: string;
}

/** What can be said about a model before it is compiled. */
export interface Inspection {
  readonly opset: number;
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The names that the file pairs with the probabilities of its classes (ZipMap), where it does. */
  readonly classNames?: readonly string[];
  readonly inputs: readonly DescribedValue[];
  readonly outputs: readonly DescribedValue[];
  /** Present where the model takes images as [N, H, W, C]; compiled, it takes [N, C, H, W]. */
  readonly channelsLast?: true;
  /** Absent where the model is no classifier. */
  readonly classes?: number;
  /** The closing Softmax or Sigmoid that is taken off, so that the output becomes the logits before it. */
  readonly removed?: string;
  /** Normalisation layers, and other layers that are adapted instead of them, in the order of the graph. */
  readonly layers: readonly DescribedLayer[];
  /** How many numbers are adapted. */
  readonly parameters: number;
  /** How the file was understood. Absent where the model is no classifier. */
  readonly reading?: Reading;
  /** Why the model cannot be adapted, one sentence each. Empty where it can. */
  readonly unsupported: readonly string[];
}

const KINDS: Readonly<Record<string, LayerKind>> = {
  BatchNormalization: 'batch',
  LayerNormalization: 'layer',
  RMSNormalization: 'rms',
  GroupNormalization: 'group',
  InstanceNormalization: 'instance',
  Conv: 'convolution',
};

/**
 * Examines `bytes` (serialized ONNX) without writing a graph. Throws `InputError` where they cannot be read
 * as a model. A model that can be read but not adapted is described too.
 */
export async function inspect(
  bytes: Uint8Array,
  runner: GraphRunner,
  options: CompileOptions = {},
): Promise<Inspection> {
  const model = decodeModel(bytes);
  const { opset, producer, metadata, graph } = model;
  const inputs = graph.inputs.map(describeValue);
  const names = pairedNames(graph);
  const facts = {
    opset,
    producer,
    metadata,
    ...(names && { classNames: names }),
    inputs,
    outputs: graph.outputs.map(describeValue),
    ...(isChannelsLast(graph) && { channelsLast: true as const }),
  };
  try {
    return { ...facts, ...describePrepared(await prepare(model, runner, options)) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...facts, layers: normalisationsOf(graph), parameters: 0, unsupported: [error.message] };
  }
}

function pairedNames({ nodes }: Graph): readonly string[] | undefined {
  const maps = nodes.filter(({ domain, opType }) => domain === 'ai.onnx.ml' && opType === 'ZipMap');
  const [names, ...others] = maps.map(({ attributes }) => attributes.classlabels_strings);
  return names?.kind === 'strings' && others.length === 0 ? names.value : undefined;
}

function describeValue({ name, type }: Value): DescribedValue {
  if (type === undefined) return { name };
  return { name, type: dataTypeName(type.dataType), ...(type.shape && { shape: type.shape }) };
}

type PreparedFacts = Pick<
  Inspection,
  'classes' | 'removed' | 'layers' | 'parameters' | 'reading' | 'unsupported'
>;

function describePrepared(prepared: PreparedModel): PreparedFacts {
  const { classifier, classes, reading } = prepared;
  const { graph } = classifier.model;
  const { layers, refused } = findLayers(graph);
  const own = firstUses(linkShared(createSearch(graph), layers));
  const described = new Map<Node, DescribedLayer>();
  for (const { node, kind, channels } of layers) {
    described.set(node, { name: nameOf(node), kind, channels, adapted: true });
  }
  for (const { node, reason } of refused) described.set(node, { ...describeUnadapted(graph, node), reason });
  return {
    classes,
    ...(classifier.removed && { removed: describeNode(classifier.removed) }),
    layers: graph.nodes.flatMap((node) => described.get(node) ?? []),
    parameters: 2 * own.reduce((sum, { channels }) => sum + channels, 0),
    reading,
    unsupported: obstacles(prepared, layers),
  };
}

const nameOf = (node: Node): string => node.name || (node.outputs[0]?.name ?? '');

function describeUnadapted(graph: Graph, node: Node): DescribedLayer {
  const scale = node.inputs[1] && graph.initializers.get(node.inputs[1]);
  const channels = scale?.dims[0];
  const known = channels !== undefined && { channels };
  // Root mean square is the one kind that may consist of other operators; such a layer ends with a product.
  return { name: nameOf(node), kind: KINDS[node.opType] ?? 'rms', ...known, adapted: false };
}

/** The normalisation layers of a model that the compiler cannot prepare. */
function normalisationsOf(graph: Graph): DescribedLayer[] {
  return graph.nodes
    .filter(({ domain, opType }) => domain === '' && Object.hasOwn(KINDS, opType) && opType !== 'Conv')
    .map((node) => describeUnadapted(graph, node));
}

/**
 * All nodes without a gradient rule, if there are any. Otherwise the first thing that the compiler refuses.
 */
function obstacles(prepared: PreparedModel, layers: readonly AdaptableLayer[]): string[] {
  try {
    refuseQuantised(prepared.classifier);
    refuseOptimised(prepared.classifier);
    const missing = nodesInTheWay(prepared.classifier, layers);
    if (missing.length === 0) adaptiveGraph(prepared, PRESETS.isolated);
    return missing.map(
      (node) =>
        `${describeNode(node)} follows an adapted layer, and there is no gradient rule for it. ${NO_GRADIENT}`,
    );
  } catch (error) {
    if (error instanceof InputError) return [error.message];
    throw error;
  }
}
