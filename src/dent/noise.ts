import { elementCount, float32, type Tensor } from '../tensor.ts';

/** Images of noise in [-1, 1), the same for the same seed: the compiler uses no random numbers. */
export function noise(dims: readonly number[], seed: number): Tensor<'float32'> {
  let state = seed;
  const next = () => {
    state = (state * 48_271) % 2_147_483_647;
    return (2 * state) / 2_147_483_647 - 1;
  };
  return float32(dims, Float32Array.from({ length: elementCount(dims) }, next));
}
