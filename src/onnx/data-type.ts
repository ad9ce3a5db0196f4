/** Element types by their number in the ONNX format (TensorProto.DataType). */
export const DATA_TYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
} as const;

/** A data type's number; types newer than this list keep theirs. */
export type DataType = number;

const ELEMENT_BYTES: Readonly<Record<DataType, number>> = {
  [DATA_TYPE.float32]: 4,
  [DATA_TYPE.uint8]: 1,
  [DATA_TYPE.int8]: 1,
  [DATA_TYPE.uint16]: 2,
  [DATA_TYPE.int16]: 2,
  [DATA_TYPE.int32]: 4,
  [DATA_TYPE.int64]: 8,
  [DATA_TYPE.bool]: 1,
  [DATA_TYPE.float16]: 2,
  [DATA_TYPE.float64]: 8,
  [DATA_TYPE.uint32]: 4,
  [DATA_TYPE.uint64]: 8,
  [DATA_TYPE.bfloat16]: 2,
  [DATA_TYPE.float8e4m3fn]: 1,
  [DATA_TYPE.float8e4m3fnuz]: 1,
  [DATA_TYPE.float8e5m2]: 1,
  [DATA_TYPE.float8e5m2fnuz]: 1,
  [DATA_TYPE.uint4]: 0.5,
  [DATA_TYPE.int4]: 0.5,
};

/** Bytes of one element, a half where a byte holds two. Undefined for strings and types that are not read. */
export const elementBytes = (dataType: DataType): number | undefined => ELEMENT_BYTES[dataType];

export function dataTypeName(dataType: DataType): string {
  const entry = Object.entries(DATA_TYPE).find(([, number]) => number === dataType);
  return entry ? entry[0] : `data type ${dataType}`;
}
