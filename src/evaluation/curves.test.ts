import { afterAll, describe, expect, it } from 'vitest';
import { attackedNetwork, SMALL_BUDGET } from '../../test/fixtures/evaluation/attacked-network.ts';
import { defend } from '../../test/fixtures/evaluation/served-model.ts';
import { createRecipe } from '../dent/index.ts';
import type { Ball } from './attacks/attack.ts';
import { chooseCurves, curvesOf, hugeEps, stepVariants } from './curves.ts';
import { measure, piecesOf } from './measure.ts';
import { curvePieces } from './measure-curves.ts';
import { createReport, type Report } from './report.ts';
import type { Defence, OpenTarget } from './target.ts';

const { engine, model, network, batch, release } = await attackedNetwork();
afterAll(release);

const ball: Ball = { norm: 'linf', eps: 2 / 255 };
const pixels = 3 * 32 * 32;
const head = { model: 'm', data: 'd', batchSize: 32, seed: 0, device: 'cpu' } as const;

interface Trial {
  readonly target?: OpenTarget;
  readonly ball?: Ball;
  readonly iterations?: number;
  readonly full?: Parameters<typeof curvesOf>[2]['full'];
}

/** The report of the curves of one recipe, and how its progress was told. */
async function curvesUnder(
  defence: Defence,
  { target = network, ball: own = ball, iterations = 8, full = [] }: Trial,
): Promise<{ report: Report; begun: string[]; planned: string[] }> {
  const budget = { ...SMALL_BUDGET, iterations };
  const files = Array.from(batch.labels, (label, row) => ({ path: `${row}`, label }));
  const curves = curvesOf(defence.name, defence.recipe, { full, ball: own, budget, pixels });
  const plan = {
    files,
    batchSize: 32,
    seed: 0,
    shifts: [],
    attacks: {},
    budget,
    curves: { curves, sees: true },
  };
  const begun: string[] = [];
  const measurement = await measure(plan, {
    recipes: [defence],
    readBatch: async () => batch,
    scene: () => ({
      ...{ batch, network: target, defence, ball: own, budget, seed: 0 },
      points: { transfer: () => Promise.reject(new Error('not asked')) },
    }),
    progress: { begin: (what) => void begun.push(what), share() {}, end() {} },
    onServed() {},
    signal: new AbortController().signal,
  });
  const planned = piecesOf(plan, [defence]).map(({ kind }) => kind);
  return { report: createReport(head, measurement), begun, planned };
}

const codes = ({ alarms }: Report): string[] => alarms.map(({ code }) => code);

/** Says of every image that no change makes it more wrong. */
const flat: OpenTarget = {
  ...network,
  async lossAndGradient(...asked) {
    const ascent = await network.lossAndGradient(...asked);
    const data = new Float32Array(ascent.gradient.data.length);
    return { ...ascent, gradient: { ...ascent.gradient, data } };
  },
  only: () => flat,
};

/** Shows another sixteenth of the pixels each time: to see all of an image takes many steps. */
function hidden(): OpenTarget {
  let asked = 0;
  const target: OpenTarget = {
    ...network,
    async lossAndGradient(...of) {
      const ascent = await network.lossAndGradient(...of);
      const data = ascent.gradient.data.map((slope, i) => (i % 16 === asked % 16 ? slope : 0));
      asked += 1;
      return { ...ascent, gradient: { ...ascent.gradient, data } };
    },
    only: (rows) => ({ ...target, ...network.only(rows), lossAndGradient: target.lossAndGradient }),
  };
  return target;
}

describe('whether attacks are any good', () => {
  it('is not doubted on a network that they break', async () => {
    const defence = await defend(engine, model, { preset: 'static' });
    const { report, begun, planned } = await curvesUnder(defence, {});
    expect(codes(report)).toEqual([]);
    expect(report.curves!.map(({ along, points }) => [along, points.map(({ at }) => at)])).toEqual([
      ['eps', [0.5]],
      ['iterations', [8, 32]],
    ]);
    expect(report.curves![0]!.points[0]).toMatchObject({ correct: 0, of: 24, natural: { correct: 24 } });
    expect(report.curves![1]!.points[1]!.change!.interval[1]).toBeGreaterThanOrEqual(0);
    expect(planned).toHaveLength(begun.length);
    await defence.release();
  });

  it('is doubted where gradients lead nowhere, whatever the eps', async () => {
    const defence = await defend(engine, model, { preset: 'static' });
    const { report } = await curvesUnder(defence, { target: flat });
    expect(codes(report)).toEqual(['right-at-huge-eps']);
    expect(report.alarms[0]!.text).toContain('with an eps of 0.5');
    expect(report.alarms[0]!.text).toContain('100.0 % of 24 images are still right');
    await defence.release();
  });

  it('is doubted where more steps break more', async () => {
    const defence = await defend(engine, model, { preset: 'static' });
    const wide = { norm: 'linf', eps: 6 / 255 } as const;
    const { report } = await curvesUnder(defence, { target: hidden(), ball: wide, iterations: 4 });
    expect(codes(report)).toEqual(['more-steps-matter']);
    expect(report.alarms[0]!.text).toMatch(/4 steps of an attack leave .* 16 steps .* raise --iterations/);
    await defence.release();
  });
});

describe('curves', () => {
  it.each(['brief', 'norm'])('of %s go down with eps, and with steps of the attack', async (preset) => {
    const defence = await defend(engine, model, { preset });
    const { report } = await curvesUnder(defence, { full: ['eps', 'iterations'] });
    for (const { points } of report.curves!) {
      expect(points).toHaveLength(points[0]!.at < 1 ? 6 : 5);
      const right = points.map(({ correct }) => correct);
      expect(right).toEqual(right.toSorted((a, b) => b - a));
      expect(points.filter(({ change }) => change === undefined)).toHaveLength(1);
    }
    await defence.release();
  });

  it('are expected to take as long as serving their recipe does, and to attack the network once', () => {
    const recipes = { static: { preset: 'static' }, again: { preset: 'static' } };
    const dent = createRecipe({ preset: 'dent' });
    const all = {
      ...Object.fromEntries(Object.entries(recipes).map(([name, each]) => [name, createRecipe(each)])),
      ...{ few: { ...dent, steps: 5 }, many: { ...dent, steps: 50 } },
    };
    const curves = Object.entries(all).flatMap(([name, recipe]) =>
      curvesOf(name, recipe, { full: [], ball, budget: SMALL_BUDGET, pixels }),
    );
    const weightOf = (sees: boolean) =>
      Object.fromEntries(curvePieces({ curves, sees }, 2).map(({ kind, weight }) => [kind, weight]));
    const weight = weightOf(true);
    expect(weight['curve eps on again of 2']).toBeLessThan(weight['curve eps on static of 2']! / 5);
    expect(weight['curve eps on many of 2']).toBeGreaterThan(3 * weight['curve eps on few of 2']!);
    expect(weightOf(false)['curve eps on few of 2']).toBeLessThan(weight['curve eps on few of 2']!);
  });

  it('are of recipes with other numbers of steps', () => {
    const brief = createRecipe({ preset: 'brief' });
    const { steps } = brief;
    const variants = stepVariants({ brief, static: createRecipe({ preset: 'static' }) });
    const counts = [1, Math.ceil(steps / 2), steps, 2 * steps];
    expect(Object.values(variants).map((recipe) => recipe.steps)).toEqual(counts);
    const budget = SMALL_BUDGET;
    const [, , curve] = curvesOf('brief', brief, { full: ['steps'], ball, budget, pixels });
    expect(curve!.runs.map(({ serves }) => serves)).toEqual(Object.keys(variants));
    expect(curve!.own).toBe(steps);
  });

  it('reach a ball in l2 that holds the largest in linf', () => {
    expect(hugeEps({ norm: 'l2', eps: 0.5 }, 3072)).toBeCloseTo(0.5 * Math.sqrt(3072));
    expect(hugeEps({ norm: 'linf', eps: 0.9 }, 3072)).toBe(0.9);
  });

  it('are chosen by name', () => {
    expect(chooseCurves('steps, eps')).toEqual(['eps', 'steps']);
    expect(chooseCurves('none')).toEqual([]);
    expect(chooseCurves('all')).toEqual(['eps', 'iterations', 'steps']);
    expect(() => chooseCurves('height')).toThrow('There is no curve "height"; there are none, all, eps');
  });
});
