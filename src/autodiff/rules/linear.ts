import { type Dim, floatAttribute, intAttribute, stringAttribute, type Value } from '../../onnx/index.ts';
import { expandLike } from '../shapes.ts';
import { sumToShape } from '../sum-to-shape.ts';
import type { VjpContext, VjpEntry } from '../vjp.ts';

/** The matrix transpose of a tensor of `rank` axes: its last two swapped. */
function swapLast(c: VjpContext, value: Value, rank: number): Value {
  const perm = Array.from({ length: rank }, (_, i) => i);
  perm.splice(rank - 2, 2, rank - 1, rank - 2);
  return c.emit.op('Transpose', [value], { attributes: { perm } });
}

/**
 * Y = A B with NumPy's rules: A^T and B^T give the gradients, summed over the batch axes along which a factor
 * was repeated. A vector counts as a matrix of one row on the left, and of one column on the right.
 */
function matmul(c: VjpContext): (Value | null)[] {
  const { emit } = c;
  const [a, b] = [c.input(0), c.input(1)];
  const [shapeA, shapeB] = [c.shapeOf(a), c.shapeOf(b)];
  const [isRow, isColumn] = [shapeA.length === 1, shapeB.length === 1];
  const [matrixA, dimsA] = isRow ? [emit.op('Unsqueeze', [a, emit.ints([0])]), [1, ...shapeA]] : [a, shapeA];
  const [matrixB, dimsB] = isColumn
    ? [emit.op('Unsqueeze', [b, emit.ints([1])]), [...shapeB, 1]]
    : [b, shapeB];
  const missing = [...(isRow ? [-2] : []), ...(isColumn ? [-1] : [])];
  const g = missing.length > 0 ? emit.op('Unsqueeze', [c.gradient, emit.ints(missing)]) : c.gradient;
  const shapeY = c.shapeOf(c.output(0));
  const batch = shapeY.slice(0, shapeY.length - 2 + missing.length);
  const toA = () => {
    const full = emit.op('MatMul', [g, swapLast(c, matrixB, dimsB.length)]);
    const summed = sumToShape(emit, full, [...batch, ...dimsA.slice(-2)], dimsA);
    return isRow ? emit.op('Squeeze', [summed, emit.ints([0])]) : summed;
  };
  const toB = () => {
    const full = emit.op('MatMul', [swapLast(c, matrixA, dimsA.length), g]);
    const summed = sumToShape(emit, full, [...batch, ...dimsB.slice(-2)], dimsB);
    return isColumn ? emit.op('Squeeze', [summed, emit.ints([1])]) : summed;
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

/** The terms and the output of an equation in full: "..." spelled out in capitals, and the output given. */
function parseEquation(c: VjpContext): { terms: string[]; right: string } {
  const equation = stringAttribute(c.node, 'equation', '').replaceAll(' ', '');
  const [left, given] = equation.split('->') as [string, string?];
  const capitals = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((letter) => !equation.includes(letter)).join('');
  const ranks = left.split(',').map((_, i) => c.shapeOf(c.input(i)).length);
  const behindDots = left.split(',').map((term, i) => (term.includes('.') ? ranks[i]! - term.length + 3 : 0));
  const dots = capitals.slice(0, Math.max(...behindDots));
  const terms = left.split(',').map((term) => term.replace('...', dots));
  if (terms.some((term, i) => new Set(term).size !== ranks[i]))
    throw c.unsupported(`the equation "${equation}" (a diagonal, or axes that some factors lack)`);
  refuseRepetition(c, terms, equation);
  const once = [...left].filter((l) => /[a-zA-Z]/.test(l) && left.split(l).length === 2).sort();
  return { terms, right: given === undefined ? dots + once.join('') : given.replace('...', dots) };
}

/** A size of one that is repeated to another term's size would have to be summed back. */
function refuseRepetition(c: VjpContext, terms: readonly string[], equation: string): void {
  const sizes = new Map<string, Dim>();
  terms.forEach((term, i) => {
    [...term].forEach((letter, axis) => {
      const size = c.shapeOf(c.input(i))[axis]!;
      const known = sizes.get(letter) ?? size;
      if (known !== size && (known === 1 || size === 1))
        throw c.unsupported(`the equation "${equation}" (an axis of size one that is repeated)`);
      sizes.set(letter, size);
    });
  });
}

/**
 * Einsum: the gradient of one factor is the Einsum of the output's gradient with the other factors, with the
 * letters swapped. A letter that occurs in that factor alone was summed out, and is repeated.
 */
function einsum(c: VjpContext): (Value | null)[] {
  const { terms, right } = parseEquation(c);
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
  MatMul: { vjp: matmul },
  Gemm: { vjp: gemm },
  Einsum: { vjp: einsum, note: 'without diagonals' },
};
