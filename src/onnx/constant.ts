import { isTensorType, ofBytes, type Tensor } from '../tensor.ts';
import { DATA_TYPE, type DataType, dataTypeName } from './data-type.ts';
import { toFloat16 } from './float16.ts';

/** A tensor inside a model: little-endian bytes as ONNX's `raw_data` lays them out. */
export interface Constant {
  readonly dataType: DataType;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
  /** The elements of a tensor of strings, in UTF-8; it has no bytes. */
  readonly strings?: readonly Uint8Array[];
}

function constantOf(dataType: DataType, dims: readonly number[], data: ArrayBufferView): Constant {
  return { dataType, dims, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

export const float32Constant = (dims: readonly number[], data: Iterable<number>): Constant =>
  constantOf(DATA_TYPE.float32, dims, data instanceof Float32Array ? data : Float32Array.from(data));

export const float16Constant = (dims: readonly number[], data: Float32Array): Constant =>
  constantOf(DATA_TYPE.float16, dims, Uint16Array.from(data, toFloat16));

export const float64Constant = (dims: readonly number[], data: Iterable<number>): Constant =>
  constantOf(DATA_TYPE.float64, dims, Float64Array.from(data));

export const int64Constant = (dims: readonly number[], data: readonly number[]): Constant =>
  constantOf(DATA_TYPE.int64, dims, BigInt64Array.from(data, int64));

export const boolConstant = (value: boolean): Constant =>
  constantOf(DATA_TYPE.bool, [], Uint8Array.of(value ? 1 : 0));

/**
 * Exporters write "to the end" as the largest int64. A double rounds it up past the range; hence the clamp.
 */
export function int64(value: number): bigint {
  const clamped = Math.min(Math.max(value, -(2 ** 63)), 2 ** 63);
  const big = BigInt(clamped);
  return big > 9223372036854775807n ? 9223372036854775807n : big;
}

/** The constant as plain tensor data, in a buffer of its own (a view into a file may be unaligned). */
export function toTensor(constant: Constant): Tensor {
  const type = dataTypeName(constant.dataType);
  if (!isTensorType(type)) throw new TypeError(`A constant of type ${type} has no plain tensor form.`);
  const buffer = new ArrayBuffer(constant.bytes.byteLength);
  new Uint8Array(buffer).set(constant.bytes);
  return { type, dims: constant.dims, data: ofBytes(type, buffer) };
}

export function fromTensor(tensor: Tensor): Constant {
  return constantOf(DATA_TYPE[tensor.type], tensor.dims, tensor.data);
}

/** The elements of a floating-point constant. */
export function toFloat32(constant: Constant): Float32Array {
  const { data } = toTensor(constant);
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  throw new TypeError(`Expected a floating-point constant, found ${dataTypeName(constant.dataType)}.`);
}

/**
 * The elements of an integer constant. Values beyond 2^53 lose their last digits, which no size or axis has.
 */
export function toIntegers(constant: Constant): number[] {
  const { data } = toTensor(constant);
  return Array.from<number | bigint, number>(data, Number);
}
