export { appendIf } from './branch.ts';
export { GraphBuilder, type Operand, type OpOptions } from './builder.ts';
export {
  type Constant,
  float16Constant,
  float32Constant,
  float64Constant,
  fromTensor,
  int64Constant,
  toFloat32,
  toIntegers,
  toTensor,
} from './constant.ts';
export { DATA_TYPE, type DataType, dataTypeName } from './data-type.ts';
export { decodeModel } from './decode.ts';
export { encodeModel } from './encode.ts';
export { fromFloat16 } from './float16.ts';
export {
  type Attribute,
  type Dim,
  describeNode,
  floatAttribute,
  type Graph,
  intAttribute,
  intsAttribute,
  type Model,
  type Node,
  stringAttribute,
  type Value,
  type ValueType,
} from './graph.ts';
export { inline } from './inline.ts';
export { appendLoop } from './loop.ts';
export { readModel, weightFiles } from './read-model.ts';
export { consumersOf, dependentsOf, domainsOf, producersOf, valuesRead, withoutUnused } from './traversal.ts';
