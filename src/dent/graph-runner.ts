import type { Tensor } from '../tensor.ts';

/** Something that runs an ONNX graph once and returns every output: ONNX Runtime, handed in so that this room stays pure. */
export interface GraphRunner {
  evaluate(model: Uint8Array, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
}
