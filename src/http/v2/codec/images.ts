import { ServiceError } from '../../../errors.ts';
import type { RowsRequest } from '../../../inference/inference.ts';
import { rowShape } from '../../../models/index.ts';
import type { DescribedVersion } from '../../../models/model.ts';
import { elementCount } from '../../../tensor.ts';
import type { InferRequestBody } from '../schemas/infer.ts';

type Images = RowsRequest['images'];
type ImageArray = Float32Array | Uint8Array;
type Input = InferRequestBody['inputs'][number];

const DATA_TYPES = { FP32: 'float32', UINT8: 'uint8' } as const;
const ELEMENT_BYTES = { FP32: 4, UINT8: 1 } as const;
type DataType = keyof typeof DATA_TYPES;

/** The type that the model's file itself takes. A request may send the other one too. */
export const inputType = ({ tensors }: DescribedVersion): DataType => (tensors.pixels ? 'UINT8' : 'FP32');

const invalid = (message: string): ServiceError => new ServiceError('invalid_request', message);

const tensorOf = (datatype: DataType, dims: readonly number[], data: ImageArray): Images =>
  ({ type: DATA_TYPES[datatype], dims, data }) as Images;

/**
 * The tensor in binary. Floats that are not aligned are copied. Machines are little-endian, as the protocol
 * is.
 */
function fromBytes(datatype: DataType, bytes: Buffer): ImageArray {
  if (datatype === 'UINT8') return bytes;
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : aligned(bytes);
  return new Float32Array(buffer, byteOffset, length / 4);
}

function aligned(bytes: Buffer): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Enough to show how data is nested. */
const SHOWN_AXES = 8;

/** The sizes of nested data, as its first numbers tell them. */
function sizesOf(data: unknown): readonly number[] {
  const sizes = [];
  for (let each = data; Array.isArray(each) && sizes.length < SHOWN_AXES; each = each[0]) {
    sizes.push(each.length);
  }
  return sizes;
}

/**
 * The numbers of data that is flat, or nested as its shape says. Data nested otherwise has its axes in
 * another order, such as channels last, and the model would see a scrambled image.
 */
function flattened(data: readonly unknown[], { name, shape }: Input): readonly unknown[] {
  let lists: readonly (readonly unknown[])[] = [data];
  for (let axis = 0; ; axis++) {
    const inner = lists.flat();
    const isNested = Array.isArray(inner[0]);
    if (!isNested && axis === 0) return inner;
    const size = isNested || axis === shape.length ? shape[axis] : elementCount(shape.slice(axis));
    if (
      lists.some(({ length }) => length !== size) ||
      inner.some((each) => Array.isArray(each) !== isNested)
    ) {
      throw invalid(
        `The data of the input "${name}" must be flat, or nested as its shape [${shape}]; it begins as [${sizesOf(data)}].`,
      );
    }
    if (!isNested) return inner;
    lists = inner as unknown[][];
  }
}

/** The numbers of nested or flat data. They are counted before memory is allocated by the shape. */
function fromJson(datatype: DataType, input: Input): ImageArray {
  const { name, shape, data } = input;
  if (!Array.isArray(data)) throw invalid(`The data of the input "${name}" is no array.`);
  const numbers = flattened(data, input);
  const count = elementCount(shape);
  if (numbers.length !== count) {
    throw invalid(`The input "${name}" has ${numbers.length} numbers; its shape [${shape}] needs ${count}.`);
  }
  const fits = datatype === 'UINT8' ? isByte : isNumber;
  const misfit = numbers.findIndex((each) => !fits(each));
  if (misfit >= 0) {
    const what = datatype === 'UINT8' ? 'no whole number from 0 to 255' : 'no number';
    throw invalid(`The data of the input "${name}" holds at place ${misfit} what is ${what}.`);
  }
  return datatype === 'UINT8' ? Uint8Array.from(numbers as number[]) : Float32Array.from(numbers as number[]);
}

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isByte = (value: unknown): boolean =>
  isNumber(value) && Number.isInteger(value) && value >= 0 && value <= 255;

function checkInput(version: DescribedVersion, { name, datatype, shape }: Input): DataType {
  const { name: model, tensors, manifest } = version;
  if (name !== tensors.input) {
    throw invalid(
      `unexpected inference input '${name}' for model '${model}'; its input is '${tensors.input}'`,
    );
  }
  if (!Object.hasOwn(DATA_TYPES, datatype)) {
    throw invalid(
      `inference input '${name}' data-type is '${datatype}', but model '${model}' expects 'FP32', or 'UINT8' for pixels`,
    );
  }
  const expected = [-1, ...rowShape(manifest.input)];
  if (shape.length !== 4 || expected.some((size, axis) => axis > 0 && size !== shape[axis])) {
    throw invalid(
      `unexpected shape for input '${name}' for model '${model}'. Expected [${expected}], got [${shape}]`,
    );
  }
  const { maxBatchSize } = manifest.batching;
  if (shape[0]! < 1 || shape[0]! > maxBatchSize) {
    throw invalid(
      `inference request batch-size must be from 1 to ${maxBatchSize} for '${model}', not ${shape[0]}`,
    );
  }
  return datatype as DataType;
}

function binarySize({ name, parameters = {}, data }: Input): number | undefined {
  if ('shared_memory_region' in parameters) throw invalid('Shared memory is not supported.');
  const size = parameters.binary_data_size;
  if ((size === undefined) === (data === undefined)) {
    throw invalid(`The input "${name}" must have either data or the parameter "binary_data_size".`);
  }
  return size;
}

/**
 * The images of a request, whose binary part is `tensors`. Throws `invalid_request` in words like Triton's.
 */
export function readImages(version: DescribedVersion, { inputs }: InferRequestBody, tensors: Buffer): Images {
  const { name: model } = version;
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) {
    throw invalid(`expected 1 inputs but got ${inputs.length} inputs for model '${model}'`);
  }
  const datatype = checkInput(version, input);
  const size = binarySize(input);
  if (tensors.length > (size ?? 0)) throw invalid(`unexpected additional input data for model '${model}'`);
  if (size === undefined) return tensorOf(datatype, input.shape, fromJson(datatype, input));
  const needed = elementCount(input.shape) * ELEMENT_BYTES[datatype];
  if (size !== needed) {
    throw invalid(
      `The input "${input.name}" has ${size} bytes; its shape [${input.shape}] of ${datatype} needs ${needed}.`,
    );
  }
  if (tensors.length < size) {
    throw invalid(
      `unexpected size for input '${input.name}', expecting ${size - tensors.length} additional bytes for model '${model}'`,
    );
  }
  return tensorOf(datatype, input.shape, fromBytes(datatype, tensors));
}

/** The one image of a request in raw mode: only numbers of the model's own type. */
export function readRawImage(version: DescribedVersion, bytes: Buffer): Images {
  const datatype = inputType(version);
  const dims = [1, ...rowShape(version.manifest.input)];
  const needed = elementCount(dims) * ELEMENT_BYTES[datatype];
  if (bytes.length !== needed) {
    throw invalid(
      `A request whose header has the length 0 is one image of ${datatype} [${dims}], ${needed} bytes; it has ${bytes.length}.`,
    );
  }
  return tensorOf(datatype, dims, fromBytes(datatype, bytes));
}
