import { describe, expect, it } from 'vitest';
import { attackRows, report, rightOf } from '../../test/fixtures/evaluation/told-report.ts';
import { VERDICT } from './attacks/attack.ts';

const { right, wrong, unasked } = VERDICT;

describe('figures', () => {
  it('are of the images that were asked about', () => {
    const some = {
      ...attackRows(0, 'x'),
      verdicts: Int8Array.from({ length: 200 }, (_, i) => (i < 10 ? right : unasked)),
    };
    const [base] = report({ static: { attacks: { single: some } } }).recipes;
    expect(base!.attacks.single).toMatchObject({ correct: 10, of: 10, accuracy: 1 });
    expect(base).toMatchObject({ meanSteps: 3, msPerImage: 1 });
  });

  it('count a row as right in the worst case where no attack that counts broke it, and it is right as it is', () => {
    const others = { ...attackRows(0, 'duplicates'), countsForWorst: false };
    const shifted = { ...attackRows(0, 'b'), verdicts: rightOf(150).reverse() };
    const [base] = report({
      static: { natural: 160, attacks: { a: 100, b: shifted, duplicates: others } },
    }).recipes;
    // a breaks the rows from 100 on, b those below 50.
    expect(base!.worst).toMatchObject({ correct: 50, of: 200 });
  });

  it('of the worst case are of completed batches, and absent without one', () => {
    const recipes = { static: { attacks: { a: 100 } } };
    expect(report(recipes, 100).recipes[0]!.worst).toMatchObject({ of: 100 });
    expect(report(recipes, 0).recipes[0]).not.toHaveProperty('worst');
  });

  it('have a paired gain on static, and the gain of a recipe is that of its worst case', () => {
    const { recipes } = report({
      static: { natural: 160, attacks: { a: 80 } },
      brief: { natural: 158, attacks: { a: 100 } },
    });
    expect(recipes[0]!.gain).toBeUndefined();
    expect(recipes[1]!.natural.gain!.points).toBeCloseTo(-1);
    expect(recipes[1]!.gain).toEqual(recipes[1]!.worst!.gain);
    expect(recipes[1]!.gain!.points).toBeCloseTo(10);
    expect(recipes[1]!.gain!.interval[0]).toBeGreaterThan(0);
  });
});

describe('an attack with several figures', () => {
  const alternate = (count: number, from: number) =>
    Int8Array.from({ length: 200 }, (_, i) => (i < count && i % 2 === from ? wrong : right));

  it('has the worst of them under its own name, row by row, for every recipe', () => {
    const gmsa = { 'gmsa avg': { verdicts: alternate(100, 0) }, 'gmsa min': { verdicts: alternate(60, 1) } };
    const { recipes } = report({ static: { attacks: gmsa }, norm: { attacks: gmsa } });
    for (const { attacks } of recipes) {
      expect(Object.entries(attacks).map(([name, { correct }]) => [name, correct])).toEqual([
        ['gmsa', 120],
        ['gmsa avg', 150],
        ['gmsa min', 170],
      ]);
    }
    const [base, norm] = recipes.map(({ attacks }) => attacks.gmsa!);
    expect(base!.gain).toBeUndefined();
    expect(norm!.gain!.points).toBe(0);
  });

  it('leaves out the rows that none of them asked about', () => {
    const asked = (from: number, to: number) =>
      Int8Array.from({ length: 200 }, (_, i) => (i >= from && i < to ? right : unasked));
    const mixed = { 'mixed 10 %': { verdicts: asked(0, 20) }, 'mixed 25 %': { verdicts: asked(10, 60) } };
    const [base] = report({ static: { attacks: mixed } }).recipes;
    expect(base!.attacks.mixed).toMatchObject({ correct: 60, of: 60 });
  });
});
