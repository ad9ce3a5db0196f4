import { afterAll, describe, expect, it } from 'vitest';
import { GRADIENT_CASES } from '../../test/fixtures/autodiff/cases/index.ts';
import { caseTitle, type GradientCase } from '../../test/fixtures/autodiff/gradient-case.ts';
import { checkGradient, isOpen } from '../../test/fixtures/autodiff/gradient-check.ts';
import { createEngine } from '../engine/index.ts';
import { VJP_RULES } from './index.ts';

const engine = createEngine({ device: 'cpu', threads: 2, runTimeoutMs: 20_000 });
afterAll(() => engine.close());

/** Each variable alone, then all of them: a rule must not depend on the others being asked for. */
function groups(row: GradientCase): readonly (readonly number[])[] {
  if (row.wrt) return row.wrt;
  const variables = row.inputs.flatMap((input, i) => (input?.variable ? [i] : []));
  const alone = variables.map((i) => [i]);
  return variables.length > 1 ? [...alone, variables] : alone;
}

describe('a rule agrees with finite differences of its op', () => {
  it.each(GRADIENT_CASES.map((row) => [caseTitle(row), row] as const))('%s', async (_title, row) => {
    for (const batch of isOpen(row) ? [1, 3] : [1]) {
      for (const wrt of groups(row)) {
        const comparison = await checkGradient(engine, row, wrt, batch);
        const { predicted, measured, scale } = comparison;
        const where = `for the inputs ${wrt} of ${batch} rows: ${predicted} where ${measured} was measured`;
        expect(comparison.gradientDims, where).toEqual(comparison.inputDims);
        expect(Math.abs(predicted - measured) / scale, where).toBeLessThan(row.tolerance);
      }
    }
  });
});

describe('the table', () => {
  it('has a row for every rule, and none for an op without one', () => {
    const ops = new Set(GRADIENT_CASES.map((row) => row.op));
    expect([...ops].sort()).toEqual(Object.keys(VJP_RULES).sort());
  });

  it('names every row once', () => {
    const titles = GRADIENT_CASES.map(caseTitle);
    expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
  });
});
