/** The element types that cross between rooms, with ONNX Runtime's names. */
export interface TensorData {
  float32: Float32Array;
  float64: Float64Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int32: Int32Array;
  int64: BigInt64Array;
  bool: Uint8Array;
}
export type TensorType = keyof TensorData;

/**
 * A dense row-major tensor: plain data that can be sent to another process. `data.length` is the product of
 * `dims`.
 */
export interface Tensor<T extends TensorType = TensorType> {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: TensorData[T];
}

const ARRAYS: { readonly [T in TensorType]: new (from: number | ArrayBuffer) => TensorData[T] } = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
};

/** Whether tensors here can hold elements of the type with this name. */
export const isTensorType = (name: string): name is TensorType => Object.hasOwn(ARRAYS, name);

/** Zeros of an element type. */
export const zeros = <T extends TensorType>(type: T, length: number): TensorData[T] =>
  new ARRAYS[type](length);

/** The elements that `bytes` are, without a copy. */
export const ofBytes = <T extends TensorType>(type: T, bytes: ArrayBuffer): TensorData[T] =>
  new ARRAYS[type](bytes);

export const elementCount = (dims: readonly number[]): number => dims.reduce((product, d) => product * d, 1);

export function float32(dims: readonly number[], data: Float32Array | readonly number[]): Tensor<'float32'> {
  const tensor = {
    type: 'float32',
    dims,
    data: data instanceof Float32Array ? data : Float32Array.from(data),
  } as const;
  if (tensor.data.length !== elementCount(dims)) {
    throw new RangeError(`${tensor.data.length} elements do not fill the shape [${dims.join(', ')}].`);
  }
  return tensor;
}

export function int64(dims: readonly number[], data: readonly (number | bigint)[]): Tensor<'int64'> {
  return { type: 'int64', dims, data: BigInt64Array.from(data, BigInt) };
}

/** Rows `from` (inclusive) to `to` (exclusive) along the first axis, as a view. */
export function rows<T extends TensorType>(tensor: Tensor<T>, from: number, to: number): Tensor<T> {
  const size = elementCount(tensor.dims.slice(1));
  const data = tensor.data.subarray(from * size, to * size) as TensorData[T];
  return { type: tensor.type, dims: [to - from, ...tensor.dims.slice(1)], data };
}

/** The slices `indices` along an axis, in their order, copied. */
export function takeAlong<T extends TensorType>(
  { type, dims, data }: Tensor<T>,
  axis: number,
  indices: readonly number[],
): Tensor<T> {
  const size = elementCount(dims.slice(axis + 1));
  const whole = dims.with(axis, indices.length);
  const taken = zeros(type, elementCount(whole));
  const blocks = elementCount(dims.slice(0, axis));
  for (let block = 0, to = 0; block < blocks; block++) {
    for (const index of indices) {
      const from = (block * dims[axis]! + index) * size;
      // Arrays of all element types are alike in what is used here.
      (taken as Float32Array).set((data as Float32Array).subarray(from, from + size), to);
      to += size;
    }
  }
  return { type, dims: whole, data: taken };
}

/** Tensors [n1, ...], [n2, ...], ... of one type to one [n1 + n2 + ..., ...]; a single one as it is. */
export function joinRows(parts: readonly Tensor[]): Tensor {
  const [first] = parts as readonly [Tensor];
  if (parts.length === 1) return first;
  const size = parts.reduce((sum, { dims }) => sum + dims[0]!, 0);
  const { type, dims } = first;
  const whole = [size, ...dims.slice(1)];
  // Arrays of all element types have the methods used here.
  const joined = zeros(type, elementCount(whole)) as Float32Array;
  let offset = 0;
  for (const part of parts) {
    joined.set(part.data as Float32Array, offset);
    offset += part.data.length;
  }
  return { type, dims: whole, data: joined } as Tensor;
}

/** Whether no value is NaN or infinite. */
export function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
