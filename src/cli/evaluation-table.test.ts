import { describe, expect, it } from 'vitest';
import { createRecipe } from '../dent/index.ts';
import { BUDGETS, type Figure, type RecipeReport, type Report } from '../evaluation/index.ts';
import { evaluationText } from './evaluation-table.ts';

const figure = (correct: number, of: number): Figure => ({
  correct,
  of,
  accuracy: correct / of,
  interval: [0, 1],
});

const recipe = (name: string, attacks: Record<string, Figure>): RecipeReport => ({
  name,
  recipe: createRecipe({ preset: name }),
  msPerImage: 2,
  meanSteps: 0,
  natural: figure(90, 128),
  shifts: {},
  attacks,
});

const report: Report = {
  model: 'm',
  data: 'd',
  images: 128,
  batchSize: 128,
  seed: 0,
  device: 'cpu',
  recipes: [
    recipe('static', { 'duplicates copies': figure(51, 128) }),
    recipe('dent', { 'duplicates copies': figure(4, 8) }),
  ],
  alarms: [],
  advice: [],
};

describe('the head of dent evaluate', () => {
  it('states what an attacker may change, and how much may be tried', () => {
    const attacked = { ...report, eps: 8 / 255, norm: 'linf', budget: BUDGETS.default } as const;
    const head = evaluationText(attacked).split('\n')[0]!;
    expect(head).toContain('attacks up to 0.0314 (8/255) in linf. Budget: steps of a run 30, ');
    expect(head).toContain('wrong classes tried 3');
    expect(evaluationText({ ...attacked, eps: 0.5, norm: 'l2' })).toContain('attacks up to 0.5 in l2.');
  });
});

describe('the table of dent evaluate', () => {
  it('says of how many images a figure is, where it is not of all', () => {
    const line = evaluationText(report)
      .split('\n')
      .find((each) => each.includes('duplicates'));
    expect(line).toMatch(/39\.8 \(0\.0-100\.0\) +50\.0 \(0\.0-100\.0\) of 8/);
  });
});
