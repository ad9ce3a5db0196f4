import type { Target } from '../../../autodiff/index.ts';
import type { Graph } from '../../../onnx/index.ts';
import { averagePixels } from './average-pixels.ts';
import { evenPads } from './even-pads.ts';
import { fuseAffine } from './fuse-affine.ts';
import { halveActivations } from './half-activations.ts';
import { mergeStridedGradients } from './merge-strided-gradients.ts';
import { rowsAsChannels } from './rows-as-channels.ts';
import { schedule } from './schedule.ts';

/** The same graph in a number format, and in the form that ONNX Runtime computes fastest on the target. */
export function lower(graph: Graph, target: Target, activations: 'fp32' | 'fp16'): Graph {
  const formatted = activations === 'fp16' ? halveActivations : (same: Graph) => same;
  return schedule(
    target === 'cpu'
      ? formatted(fuseAffine(mergeStridedGradients(graph)))
      : evenPads(rowsAsChannels(formatted(averagePixels(graph)))),
  );
}
