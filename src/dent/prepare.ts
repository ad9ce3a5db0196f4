import { DeviceError, InputError } from '../errors.ts';
import { DATA_TYPE, dataTypeName, type Graph, intAttribute, type Model } from '../onnx/index.ts';
import { chooseOutput, type OutputHint } from './choose-output.ts';
import { asClassifier, type Classifier, classCount, imageInput } from './classifier.ts';
import type { GraphRunner } from './graph-runner.ts';
import { findLayers } from './layers.ts';
import { channelsFirst, isChannelsLast } from './passes/import/channels-first.ts';
import { dropIdentities } from './passes/import/drop-identities.ts';
import { expandAttention } from './passes/import/expand-attention.ts';
import { floatPixels } from './passes/import/float-pixels.ts';
import { foldConstants } from './passes/import/fold-constants.ts';
import { fuseLayerNormalization } from './passes/import/fuse-layer-normalization.ts';
import { openBatch } from './passes/import/open-batch.ts';
import { resolveBranches } from './passes/import/resolve-branches.ts';
import { sliceSequences } from './passes/import/slice-sequences.ts';
import { withoutUnstartedWindows } from './passes/import/unstarted-windows.ts';
import { upgradeOpset } from './passes/import/upgrade-opset.ts';
import { narrowDoubles, widenFloats } from './passes/import/widen-floats.ts';
import { withoutLabels } from './passes/import/without-labels.ts';
import { measureShapes, type ProbeShape } from './passes/measure/measure-shapes.ts';
import { checkOutput } from './probabilities.ts';
import { type Reading, readingOf } from './reading.ts';

/** Where a compiled graph keeps its recipe. */
export const RECIPE_METADATA = 'dent.recipe';

/** The image size for a model that leaves it open, where the caller names none. */
export const COMMON_IMAGE_SIZE = 224;

export interface PrepareOptions extends OutputHint {
  /**
   * Sizes for the axes that the model leaves open. Without it the graph leaves height and width open as well.
   */
  readonly imageShape?: readonly [channels: number | undefined, height: number, width: number];
}

/**
 * The model in the form that the compiler works on: recent operator set, constants folded, shapes measured,
 * logits found.
 */
export interface PreparedModel {
  readonly classifier: Classifier;
  readonly classes: number;
  readonly imageShape: readonly [number, number, number];
  /** The operator set of the model as it was given. */
  readonly opset: number;
  readonly reading: Reading;
}

/**
 * Rejects with `InputError` where the model is no classifier that ONNX Runtime can run, or is self-adapting
 * already.
 */
export async function prepare(
  source: Model,
  runner: GraphRunner,
  options: PrepareOptions,
): Promise<PreparedModel> {
  if (RECIPE_METADATA in source.metadata) {
    throw new InputError(
      'This graph is compiled already: it adapts itself. Give the model that it was compiled from.',
    );
  }
  const layout = isChannelsLast(source.graph) ? 'NHWC' : 'NCHW';
  const type = dataTypeName(source.graph.inputs[0]?.type?.dataType ?? DATA_TYPE.float32);
  const { outputs } = source.graph;
  const widened = channelsFirst(widenFloats(floatPixels(withoutLabels(source))));
  const probe = probeShape(widened, options);
  const output = chooseOutput(widened.graph, options);
  const main = { ...widened, graph: { ...widened.graph, outputs: [output] } };
  const resolved = await running(widened, probe, () => resolveBranches(main, probe, runner));
  const upgraded = upgradeOpset(resolved);
  const folded = await foldConstants({ ...upgraded, graph: dropIdentities(upgraded.graph) }, runner);
  const sliced = { ...folded, graph: sliceSequences(folded.graph) };
  const opened = await openBatch(sliced, probe, runner);
  const measured = await running(widened, probe, () => measureShapes(opened, probe, runner));
  const whole = narrowDoubles(withoutUnstartedWindows(measured.graph));
  const graph = expandAttention(fuseLayerNormalization(whole));
  const taken = asClassifier({ ...measured, graph }, graph.outputs[0]!);
  const classes = classCount(taken);
  const checked = await checkOutput(taken, probe, runner);
  const [height, width] = probe.openSize ? [-1, -1] : [probe.height, probe.width];
  const input = { name: taken.input.name, layout, type, channels: probe.channels, height, width } as const;
  const report = findLayers(checked.classifier.model.graph);
  return {
    classifier: checked.classifier,
    classes,
    imageShape: [probe.channels, height, width],
    opset: source.opset,
    reading: readingOf({ input, checked, classes, outputs, report }),
  };
}

/** Adds advice to the end of errors from running the model, unless the device is at fault. */
async function running<T>({ graph }: Model, probe: ProbeShape, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof InputError) || cause instanceof DeviceError) throw cause;
    const sizes = graph.inputs[0]?.type?.shape?.slice(1) ?? ['?'];
    const { channels, height, width } = probe;
    const advice = sizes.every((size) => typeof size === 'number')
      ? 'Export it again so that ONNX Runtime runs it.'
      : `It was run on images of ${channels} x ${height} x ${width}, as its file leaves sizes open; --size, or the manifest's width and height, name another.`;
    throw new InputError(`${cause.message} ${advice}`, { cause });
  }
}

/** A batch of more numbers than any classifier takes: four images of 4096 x 4096 pixels. */
const MOST_NUMBERS = 4 * 3 * 4096 * 4096;

function probeShape({ graph }: Model, { imageShape }: PrepareOptions): ProbeShape {
  const input = imageInput(graph);
  const [rows, channels, height, width] = input.type?.shape ?? [];
  const [c = channelsRead(graph), h, w] = imageShape ?? [undefined, COMMON_IMAGE_SIZE, COMMON_IMAGE_SIZE];
  const known = (size: number | string | undefined, assumed: number) =>
    typeof size === 'number' ? size : assumed;
  const image = { channels: known(channels, c), height: known(height, h), width: known(width, w) };
  if (known(rows, 1) * image.channels * image.height * image.width > MOST_NUMBERS) {
    throw new InputError(
      `The input "${input.name}" is of shape [${input.type?.shape?.join(', ')}], more than can be fed; export the model for fewer or smaller images.`,
    );
  }
  const isOpen = typeof height !== 'number' || typeof width !== 'number';
  return { ...image, openSize: isOpen && imageShape === undefined };
}

/**
 * The channels that the first convolution reads. Three (colours) where the model begins with something else.
 */
function channelsRead({ inputs, nodes, initializers }: Graph): number {
  const first = nodes.find(
    ({ domain, opType, inputs: [x] }) => domain === '' && opType === 'Conv' && x === inputs[0],
  );
  const kernel = first?.inputs[1] && initializers.get(first.inputs[1]);
  return kernel ? kernel.dims[1]! * intAttribute(first, 'group', 1) : 3;
}
