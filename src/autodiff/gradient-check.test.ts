import { describe, expect, it } from 'vitest';
import { GRADIENT_CASES } from '../../test/fixtures/autodiff/cases/index.ts';
import { caseTitle, type GradientCase } from '../../test/fixtures/autodiff/gradient-case.ts';
import { type CheckOptions, checkGradient, isOpen } from '../../test/fixtures/autodiff/gradient-check.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { type Target, VJP_RULES } from './index.ts';

const engine = startEngine({ threads: 2 });

/** Each variable alone, then all of them: a rule must not depend on the others being asked for. */
function groups(row: GradientCase): readonly (readonly number[])[] {
  if (row.wrt) return row.wrt;
  const variables = row.inputs.flatMap((input, i) => (input?.variable ? [i] : []));
  const alone = variables.map((i) => [i]);
  return variables.length > 1 ? [...alone, variables] : alone;
}

/** Gradients that are convolutions are written for the hardware; both forms run anywhere. */
const targets = ({ op }: GradientCase): readonly Target[] =>
  op === 'Conv' || op === 'AveragePool' ? ['cpu', 'cuda'] : ['cpu'];

/** Everything that a row is checked for. */
function variants(row: GradientCase): CheckOptions[] {
  const batches = isOpen(row) ? [1, 3] : [1];
  return batches.flatMap((batch) =>
    groups(row).flatMap((wrt) => targets(row).map((target) => ({ wrt, batch, target }))),
  );
}

describe('a rule agrees with finite differences of its op', () => {
  it.each(GRADIENT_CASES.map((row) => [caseTitle(row), row] as const))('%s', async (_title, row) => {
    for (const options of variants(row)) {
      const comparison = await checkGradient(engine, row, options);
      const { predicted, measured, scale } = comparison;
      const where = `${JSON.stringify(options)}: ${predicted} where ${measured} was measured`;
      expect(comparison.gradientDims, where).toEqual(comparison.inputDims);
      expect(Math.abs(predicted - measured) / scale, where).toBeLessThan(row.tolerance);
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
