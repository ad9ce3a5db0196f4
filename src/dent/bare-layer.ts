import { type Constant, float32Constant, type GraphBuilder, type Node, type Value } from '../onnx/index.ts';
import type { AdaptableLayer } from './layers.ts';

/**
 * The value that the layer's scale and shift are applied to. Appends the nodes that compute it, where the
 * layer does more than scale and shift. `inputs` are those of the layer's node, as the graph under
 * construction knows them.
 */
export function bareLayer(
  builder: GraphBuilder,
  layer: AdaptableLayer,
  inputs: readonly (Value | null)[],
  current: (value: Value) => Value,
): Value {
  if (layer.normalised) return current(layer.normalised);
  if (layer.kind === 'batch') return inputs[0]!;
  const [output] = layer.node.outputs as [Value];
  const bare: Value = { ...output, name: `${output.name}_bare` };
  const own = layer.kind === 'convolution' ? inputs : neutral(builder, layer, inputs);
  const node: Node = { ...layer.node, inputs: own, outputs: [bare] };
  builder.append(node);
  return bare;
}

/** The inputs, with scale 1 and shift 0 instead of the trained ones. */
function neutral(
  builder: GraphBuilder,
  { channels, kind }: AdaptableLayer,
  inputs: readonly (Value | null)[],
): (Value | null)[] {
  const filled = (value: number): Constant =>
    float32Constant([channels], new Float32Array(channels).fill(value));
  const scale = builder.constant(filled(1), 'neutral_scale');
  if (kind === 'rms') return [inputs[0]!, scale];
  return [inputs[0]!, scale, builder.constant(filled(0), 'neutral_shift')];
}
