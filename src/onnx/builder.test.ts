import { describe, expect, it } from 'vitest';
import {
  DATA_TYPE,
  float32Constant,
  fromTensor,
  GraphBuilder,
  int64Constant,
  toFloat32,
  toIntegers,
  toTensor,
  type Value,
} from './index.ts';

const ofType = (dataType: number): Value => ({ name: 'x', type: { dataType, shape: [2] } });

describe('GraphBuilder', () => {
  it('writes numbers as scalars of the float type that the node computes in, each once', () => {
    const b = new GraphBuilder();
    const single = b.op('Mul', [ofType(DATA_TYPE.float32), 0.5]);
    const double = b.op('Mul', [ofType(DATA_TYPE.float64), 0.5]);
    b.op('Add', [double, 0.5]);
    b.op('Add', [single, 0.5]);
    const scalars = b.nodes.map((node) => node.inputs[1]!);
    expect(scalars.map((value) => value.type)).toEqual([
      { dataType: DATA_TYPE.float32, shape: [] },
      { dataType: DATA_TYPE.float64, shape: [] },
      { dataType: DATA_TYPE.float64, shape: [] },
      { dataType: DATA_TYPE.float32, shape: [] },
    ]);
    expect(new Set(scalars).size).toBe(2);
    expect(toTensor(b.initializers.get(scalars[1]!)!)).toEqual({
      type: 'float64',
      dims: [],
      data: Float64Array.of(0.5),
    });
  });

  it('follows float64 through arithmetic, out of a Cast and not into a comparison', () => {
    const b = new GraphBuilder();
    const x = ofType(DATA_TYPE.float64);
    expect(b.op('Exp', [x]).type).toEqual({ dataType: DATA_TYPE.float64 });
    expect(b.op('Exp', [x], { shape: [2] }).type).toEqual({ dataType: DATA_TYPE.float64, shape: [2] });
    expect(b.op('Cast', [x], { attributes: { to: DATA_TYPE.float32 } }).type?.dataType).toBe(1);
    expect(b.op('Greater', [x, 0]).type?.dataType).toBe(DATA_TYPE.bool);
    expect(b.op('Exp', [ofType(DATA_TYPE.float32)]).type).toBeUndefined();
  });

  it('turns plain attributes into those of the format', () => {
    const b = new GraphBuilder();
    const graph = new GraphBuilder().build('body', [], []);
    b.op('Op', [], { attributes: { i: 2, f: { float: 2 }, s: 'x', l: [1, 2], g: { graph } } });
    expect(b.nodes[0]!.attributes).toEqual({
      i: { kind: 'int', value: 2 },
      f: { kind: 'float', value: 2 },
      s: { kind: 'string', value: 'x' },
      l: { kind: 'ints', value: [1, 2] },
      g: { kind: 'graph', value: graph },
    });
  });

  it('starts every name with its prefix', () => {
    const b = new GraphBuilder('step/');
    const y = b.op('Exp', [b.constant(float32Constant([], [1]), 'c')], { name: 'y' });
    expect([y.name, b.nodes[0]!.name, b.nodes[0]!.inputs[0]!.name]).toEqual(['step/y', 'step/y', 'step/c']);
  });
});

describe('constants', () => {
  it('hold whole numbers up to the ends of int64', () => {
    const constant = int64Constant([4], [-1, 2 ** 53, Number.POSITIVE_INFINITY, -(2 ** 63)]);
    expect([...toTensor(constant).data]).toEqual([-1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]);
    expect(toIntegers(int64Constant([2], [7, -7]))).toEqual([7, -7]);
  });

  it('become plain tensors and come back', () => {
    const tensor = { type: 'bool', dims: [3], data: Uint8Array.of(1, 0, 1) } as const;
    expect(toTensor(fromTensor(tensor))).toEqual(tensor);
  });

  it('are read from bytes that are not aligned', () => {
    const bytes = new Uint8Array(9).subarray(1);
    bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer));
    expect([...toFloat32({ dataType: DATA_TYPE.float32, dims: [2], bytes })]).toEqual([1.5, -2]);
  });

  it('are floats where floats are asked for', () => {
    const double = fromTensor({ type: 'float64', dims: [1], data: Float64Array.of(0.1) });
    expect([...toFloat32(double)]).toEqual([Math.fround(0.1)]);
    expect(() => toFloat32(int64Constant([1], [1]))).toThrow(
      'Expected a floating-point constant, found int64.',
    );
  });

  it('of types without a plain form are refused by name', () => {
    const half = { dataType: DATA_TYPE.float16, dims: [1], bytes: new Uint8Array(2) };
    expect(() => toTensor(half)).toThrow('A constant of type float16 has no plain tensor form.');
  });
});
