import { floatAttribute, intAttribute, stringAttribute, type Value } from '../../onnx/index.ts';
import { expandLike } from '../shapes.ts';
import { sumToShape } from '../sum-to-shape.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';

/** The matrix transpose of a tensor of `rank` axes: its last two swapped. */
function swapLast(c: VjpContext, value: Value, rank: number): Value {
  const perm = Array.from({ length: rank }, (_, i) => i);
  perm.splice(rank - 2, 2, rank - 1, rank - 2);
  return c.emit.op('Transpose', [value], { attributes: { perm } });
}

/** Y = A B with NumPy's rules: A^T and B^T give the gradients, summed over the batch axes along which a factor was repeated. */
function matmul(c: VjpContext): (Value | null)[] {
  const { emit } = c;
  const [a, b] = [c.input(0), c.input(1)];
  const [shapeA, shapeB, shapeY] = [c.shapeOf(a), c.shapeOf(b), c.shapeOf(c.output(0))];
  if (shapeA.length < 2 || shapeB.length < 2) throw c.unsupported('a product with a vector');
  const batch = shapeY.slice(0, -2);
  const toA = () => {
    const full = emit.op('MatMul', [c.gradient, swapLast(c, b, shapeB.length)]);
    return sumToShape(emit, full, [...batch, ...shapeA.slice(-2)], shapeA);
  };
  const toB = () => {
    const full = emit.op('MatMul', [swapLast(c, a, shapeA.length), c.gradient]);
    return sumToShape(emit, full, [...batch, ...shapeB.slice(-2)], shapeB);
  };
  return [c.needs(0) ? toA() : null, c.needs(1) ? toB() : null];
}

/** Y = alpha A' B' + beta C, where ' is an optional transposition. */
function gemm(c: VjpContext): (Value | null)[] {
  const { emit, node } = c;
  const alpha = floatAttribute(node, 'alpha', 1);
  const [transA, transB] = [intAttribute(node, 'transA', 0), intAttribute(node, 'transB', 0)];
  const product = (x: Value, y: Value, tx: number, ty: number) =>
    emit.op('Gemm', [x, y], { attributes: { alpha: { float: alpha }, transA: tx, transB: ty } });
  const g = c.gradient;
  const [a, b] = [c.input(0), c.input(1)];
  const toA = () => (transA ? product(b, g, transB, 1) : product(g, b, 0, 1 - transB));
  const toB = () => (transB ? product(g, a, 1, transA) : product(a, g, 1 - transA, 0));
  const toC = () => {
    const beta = floatAttribute(node, 'beta', 1);
    const summed = sumToShape(emit, g, c.shapeOf(c.output(0)), c.shapeOf(c.input(2)));
    return beta === 1 ? summed : emit.op('Mul', [summed, beta]);
  };
  const gradients = [c.needs(0) ? toA() : null, c.needs(1) ? toB() : null, c.needs(2) ? toC() : null];
  return gradients.slice(0, node.inputs.length);
}

/**
 * Einsum: the gradient of one factor is the Einsum of the output's gradient with the other factors, written with the letters
 * swapped; a letter that occurs in that factor alone was summed out and is repeated.
 */
function einsum(c: VjpContext): (Value | null)[] {
  const equation = stringAttribute(c.node, 'equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->');
  if (left === undefined || right === undefined || equation.includes('.'))
    throw c.unsupported(`the equation "${equation}"`);
  const terms = left.split(',');
  if (terms.some((term) => new Set(term).size !== term.length))
    throw c.unsupported(`the equation "${equation}" (a diagonal)`);
  return terms.map((term, i) => (c.needs(i) ? einsumFactor(c, terms, right, term, i) : null));
}

function einsumFactor(
  c: VjpContext,
  terms: readonly string[],
  right: string,
  term: string,
  i: number,
): Value {
  const { emit } = c;
  const others = terms.filter((_, j) => j !== i);
  const known = new Set([...right, ...others.join('')]);
  const kept = [...term].filter((letter) => known.has(letter)).join('');
  const factors = [c.gradient, ...c.node.inputs.filter((_, j) => j !== i)];
  const product = emit.op('Einsum', factors, {
    attributes: { equation: `${[right, ...others].join(',')}->${kept}` },
  });
  const lost = [...term].flatMap((letter, axis) => (known.has(letter) ? [] : [axis]));
  if (lost.length === 0) return product;
  return expandLike(emit, emit.op('Unsqueeze', [product, emit.ints(lost)]), c.input(i));
}

export const LINEAR_RULES: Readonly<Record<string, VjpEntry>> = {
  MatMul: { vjp: matmul, note: 'of matrices and stacks of matrices' },
  Gemm: { vjp: gemm },
  Einsum: { vjp: einsum, note: 'with an explicit output, without "..." and diagonals' },
};
