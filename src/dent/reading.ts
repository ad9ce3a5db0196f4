import { printable } from '../errors.ts';
import { describeNode, type Value } from '../onnx/index.ts';
import { foldedWarnings } from './folded.ts';
import type { LayerKind, LayerReport } from './layers.ts';
import type { CheckedOutput } from './probabilities.ts';

/** How a model's file was understood, so that its owner can check it. */
export interface Reading {
  readonly input: {
    readonly name: string;
    /** The order of axes in the model's file; compiled graphs take NCHW. */
    readonly layout: 'NCHW' | 'NHWC';
    /** Of the numbers in the model's file; compiled graphs take float32. */
    readonly type: string;
    /** -1 where any size will do. */
    readonly channels: number;
    readonly height: number;
    readonly width: number;
  };
  readonly output: {
    readonly name: string;
    readonly classes: number;
    /** `log-probabilities`: the output gives probabilities, and their logarithms are the logits. */
    readonly takenAs: 'logits' | 'log-probabilities';
    /** The node at the end that is taken off, such as a Softmax; the logits are what it reads. */
    readonly removed?: string;
    /** The model's outputs that are not used. */
    readonly leftOut: readonly string[];
  };
  /** The layers whose scale and shift recipes adapt, by kind, and the layers that stay as they are. */
  readonly layers: readonly { readonly kind: LayerKind; readonly adapted: number }[];
  readonly leftAlone: readonly { readonly layer: string; readonly reason: string }[];
  /** What the owner of the model probably does not want, each with a way to do better. */
  readonly warnings: readonly string[];
}

/** What `prepare` knows about a model besides its graph. */
export interface ReadingParts {
  readonly input: Reading['input'];
  readonly checked: CheckedOutput;
  readonly classes: number;
  readonly outputs: readonly Value[];
  readonly report: LayerReport;
}

export function readingOf({ input, checked, classes, outputs, report }: ReadingParts): Reading {
  const { classifier, fromProbabilities, warnings } = checked;
  const { outputName: name, removed } = classifier;
  const kinds = new Map<LayerKind, number>();
  for (const { kind } of report.layers) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return {
    input,
    output: {
      name,
      classes,
      takenAs: fromProbabilities ? 'log-probabilities' : 'logits',
      ...(removed && { removed: describeNode(removed) }),
      leftOut: outputs.map((value) => value.name).filter((other) => other !== name),
    },
    layers: Array.from(kinds, ([kind, adapted]) => ({ kind, adapted })),
    leftAlone: report.refused.map(({ node, reason }) => ({ layer: describeNode(node), reason })),
    warnings: [...warnings, ...foldedWarnings(classifier.model.graph, report)],
  };
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

const LAYERS: Readonly<Record<LayerKind, string>> = {
  batch: 'batch normalisation',
  layer: 'layer normalisation',
  group: 'group normalisation',
  instance: 'instance normalisation',
  rms: 'RMS normalisation',
  convolution: 'convolution',
};

/** One line each on input, output and layers, for people. */
export function readingLines({ input, output, layers }: Reading): string[] {
  const { name, layout, type, channels, height, width } = input;
  const sizes = [channels, height, width].map((size) => (size === -1 ? 'any' : size));
  const others = output.leftOut.length === 0 ? '' : `, and leaves out ${output.leftOut.join(', ')}`;
  const removed = output.removed === undefined ? '' : ` before ${output.removed}`;
  const adapted = layers.map((each) => count(each.adapted, LAYERS[each.kind]));
  return [
    `takes "${name}" as ${type} ${layout} images of ${sizes.join(' x ')} (channels, height, width)`,
    `takes "${output.name}" as ${output.takenAs}${removed} of ${output.classes} classes${others}`,
    `adapts ${adapted.length === 0 ? 'nothing' : adapted.join(', ')}`,
  ].map(printable);
}
