import { describe, expect, it } from 'vitest';
import { createRecipe } from '../dent/index.ts';
import type { AttackRows } from './attack-rows.ts';
import { VERDICT } from './attacks/attack.ts';
import type { RecipeRows } from './measure.ts';
import type { CurveRows } from './measure-curves.ts';
import { createReport, type Report } from './report.ts';

const { right, wrong, unasked } = VERDICT;

/** Verdicts of 200 images, of which so many are right, from the first on. */
const rightOf = (count: number, of = 200): Int8Array =>
  Int8Array.from({ length: of }, (_, i) => (i < count ? right : wrong));

interface Told {
  readonly natural?: number;
  readonly shifts?: Record<string, number>;
  readonly attacks?: Record<string, number | Partial<AttackRows>>;
  readonly milliseconds?: number;
}

const attackRows = (told: number | Partial<AttackRows>, name: string): AttackRows => ({
  verdicts: rightOf(typeof told === 'number' ? told : 0),
  countsForWorst: true,
  seesAdaptation: name !== 'transfer',
  gradients: 100,
  zeroGradients: 0,
  queries: 0,
  unmoved: 0,
  beyond: 0,
  stages: [],
  ...(typeof told === 'number' ? {} : told),
});

function rowsOf(
  preset: string,
  { natural = 160, shifts = {}, attacks = {}, milliseconds = 200 }: Told,
): RecipeRows {
  return {
    name: preset,
    recipe: createRecipe({ preset }),
    natural: rightOf(natural),
    shifts: Object.fromEntries(Object.entries(shifts).map(([name, count]) => [name, rightOf(count)])),
    attacks: Object.fromEntries(
      Object.entries(attacks).map(([name, told]) => [name, attackRows(told, name)]),
    ),
    rows: 200,
    steps: 600,
    milliseconds,
  };
}

const head = { model: 'm', data: 'd', batchSize: 100, seed: 0, device: 'cpu' } as const;
const report = (recipes: Record<string, Told>, complete = 200, curves: CurveRows[] = []): Report =>
  createReport(head, {
    recipes: Object.entries(recipes).map(([name, told]) => rowsOf(name, told)),
    complete,
    labels: new Int32Array(200),
    classes: 10,
    curves,
    varies: false,
  });

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

describe('advice', () => {
  const of = (told: Report, aim: string) => told.advice.find((each) => each.aim === aim);

  it('names what gains, its price, and what to paste', () => {
    const told = report({
      static: { natural: 170, shifts: { dark: 100, blur: 110 } },
      blend: { natural: 160, shifts: { dark: 150, blur: 140 }, milliseconds: 500 },
      brief: { natural: 170, shifts: { dark: 102, blur: 110 } },
    });
    const advice = of(told, 'shift');
    expect(advice).toMatchObject({
      recipe: 'blend',
      price: { msPerImage: 1.5, natural: { points: -5 } },
      manifest: { recipes: { blend: { preset: 'blend' } }, defaultRecipe: 'blend' },
    });
    expect(advice!.because).toContain('+20.0 points');
    expect(advice!.because).toContain('It costs on images as they are: -5.0 points');
  });

  it('is "none" where an interval touches zero, and then to serve the model as it is', () => {
    const told = report({ static: { natural: 160 }, brief: { natural: 161 } });
    expect(of(told, 'natural')).toMatchObject({ recipe: 'none', manifest: { defaultRecipe: 'static' } });
    expect(of(told, 'natural')!.because).toContain('the nearest, brief: +0.5 points');
  });

  it('says nothing of what was not measured', () => {
    expect(report({ static: {}, brief: {} }).advice.map(({ aim }) => aim)).toEqual(['natural']);
    expect(report({ static: {} }).advice).toEqual([]);
  });

  it.each([
    [['transfer'], 'white-box, gmsa, square'],
    // Square sees what adapts, but no gradient that does was tried.
    [['transfer', 'square'], 'white-box, gmsa'],
    // Gradients that may be masked are all that was tried.
    [['white-box'], 'transfer, gmsa, square'],
    [['transfer', 'white-box', 'gmsa avg', 'gmsa min', 'square'], undefined],
  ])('says after %j what else a gain has to withstand', (names, missing) => {
    const by = (right: number) => ({ attacks: Object.fromEntries(names.map((name) => [name, right])) });
    const { because } = of(report({ static: by(80), brief: by(110) }), 'attack')!;
    if (missing === undefined) expect(because).not.toContain('Not tried');
    else expect(because).toContain(`Not tried: ${missing}. Rely on it only after --attacks standard.`);
  });

  it('goes by the worst of all attacks, not by the best looking one', () => {
    const told = report({
      static: { attacks: { transfer: 80, 'white-box': 80 } },
      norm: { attacks: { transfer: 100, 'white-box': 60 } },
    });
    expect(of(told, 'attack')).toMatchObject({ recipe: 'none' });
  });
});

describe('advice does not pass over', () => {
  const of = (told: Report, aim: string) => told.advice.find((each) => each.aim === aim)!;

  it('an alarm that doubts the gain', () => {
    const told = report({
      static: { attacks: { transfer: 80, 'white-box': 80 } },
      brief: { attacks: { transfer: 110, 'white-box': 140 } },
    });
    expect(told.alarms).toMatchObject([{ code: 'masked-gradients', recipe: 'brief' }]);
    expect(of(told, 'attack')).toMatchObject({ recipe: 'brief' });
    expect(of(told, 'attack').because).toContain('This gain is in doubt (masked-gradients)');
    const sound = { transfer: 110, 'white-box': 110 };
    const clear = report({
      static: { attacks: { transfer: 80, 'white-box': 80 } },
      brief: { attacks: sound },
    });
    expect(of(clear, 'attack').because).not.toContain('in doubt');
  });

  it('recipes that do harm, beside the one that it names', () => {
    const told = report({
      static: { attacks: { transfer: 80, gmsa: 80 } },
      brief: { natural: 159, attacks: { transfer: 110, gmsa: 110 } },
      norm: { natural: 130, attacks: { transfer: 100, gmsa: 50 } },
    });
    expect(of(told, 'attack')).toMatchObject({ recipe: 'brief' });
    expect(of(told, 'attack').because).toMatch(/Worse than the model as it is: norm -15\.0 points \(.*\)\.$/);
    expect(of(told, 'natural').because).toMatch(/brief: -0\.5 points .*\. Worse .*: norm -15\.0 points/);
  });

  it('that the nearest is a loss', () => {
    const told = report({ static: { natural: 160 }, norm: { natural: 130 } });
    expect(of(told, 'natural').because).toMatch(/the nearest, norm: -15\.0 points \(.*\), a loss\.$/);
  });

  it('that a recipe for shift is worse than none under attack', () => {
    const attacks = { transfer: 80 };
    const shifted = { static: { shifts: { dark: 20 }, attacks }, norm: { shifts: { dark: 120 } } };
    const told = report({ ...shifted, norm: { ...shifted.norm, attacks: { transfer: 30 } } });
    expect(of(told, 'shift')).toMatchObject({ recipe: 'norm' });
    expect(of(told, 'shift').because).toContain('Under attack it is worse than the model as it is');
    expect(of(report({ ...shifted, norm: { ...shifted.norm, attacks } }), 'shift').because).not.toContain(
      'Under attack',
    );
  });
});

describe('alarms', () => {
  const codes = (told: Report): string[] => told.alarms.map(({ code }) => code);

  it('tell of an attack that sees the adaptation and does worse than transfer', () => {
    const told = report({
      static: { attacks: { transfer: 80 } },
      isolated: { attacks: { transfer: 90, 'white-box': 140 } },
    });
    expect(codes(told)).toEqual(['masked-gradients']);
    expect(told.alarms[0]!.text).toContain('isolated: white-box sees the adaptation and leaves 70.0 % right');
    expect(codes(report({ static: {}, isolated: { attacks: { transfer: 90, 'white-box': 91 } } }))).toEqual(
      [],
    );
  });

  it('tell of strangers in the batch who break images that they cannot touch', () => {
    const moved = (right: number) => ({
      'batch-mates 20 %': { verdicts: rightOf(right), countsForWorst: false },
    });
    const told = report({ static: {}, norm: { natural: 150, attacks: moved(100) } });
    expect(told.alarms).toMatchObject([{ code: 'moved-by-strangers', recipe: 'norm' }]);
    expect(told.alarms[0]!.text).toContain('norm: batch-mates 20 % changes the accuracy');
    expect(told.alarms[0]!.text).toContain('-25.0 points');
    expect(codes(report({ static: {}, norm: { natural: 150, attacks: moved(149) } }))).toEqual([]);
  });

  it('tell of a recipe that an attack makes worse than the model as it is', () => {
    const told = report({
      static: { attacks: { transfer: 80, gmsa: 78 } },
      norm: { attacks: { transfer: 100, gmsa: 50 } },
    });
    expect(codes(told)).toEqual(['worse-than-static']);
    expect(told.alarms[0]!.text).toContain('gmsa breaks it most');
  });

  it('tell of Square where it breaks what gradients did not, and not of a single image', () => {
    expect(codes(report({ static: { attacks: { transfer: 90, square: 80 } } }))).toEqual([
      'square-beats-gradients',
    ]);
    expect(codes(report({ static: { attacks: { transfer: 90, square: 89 } } }))).toEqual([]);
    expect(codes(report({ static: { attacks: { square: 80 } } }))).toEqual([]);
  });

  it('tell of a class that is never right, and of a model that guesses', () => {
    const swapped = rowsOf('static', { natural: 160 });
    const labels = Int32Array.from({ length: 200 }, (_, i) => (i < 160 ? 0 : 7));
    const measured = { recipes: [swapped], complete: 200, labels, classes: 10, curves: [], varies: false };
    const told = createReport(head, measured);
    expect(codes(told)).toEqual(['labels-doubtful']);
    expect(told.alarms[0]!.text).toContain('no image of class 7');
    const guessing = report({ static: { natural: 20 } });
    expect(guessing.alarms[0]!.text).toContain('10.0 % of 200 images right');
    expect(codes(report({ static: { natural: 60 } }))).toEqual([]);
  });

  it('tell of gradients of zeros, and of an attack that does nothing', () => {
    const zeros = { verdicts: rightOf(160), gradients: 100, zeroGradients: 100 };
    const told = report({ static: {}, isolated: { attacks: { transfer: 90, 'white-box': zeros } } });
    // The identity leaves every image right: it does worse than transfer.
    expect(codes(told)).toEqual(['masked-gradients', 'zero-gradients']);
  });

  it('name all attacks of a recipe that one fault is of, in one sentence', () => {
    const zeros = { verdicts: rightOf(160), gradients: 100, zeroGradients: 50, unmoved: 40 };
    const { alarms } = report({ static: { attacks: { transfer: zeros, 'white-box': zeros, square: 160 } } });
    expect(alarms.map(({ code, text }) => [code, text])).toEqual([
      [
        'zero-gradients',
        'static: of the gradients that attacks followed so many were zero throughout: transfer 50.0 %, white-box 50.0 %. They could not search there.',
      ],
      [
        'idle-attack',
        'static: of the images that they left right, attacks returned some without any change: transfer 40 of 160, white-box 40 of 160. They did not attack these, so their figures say nothing of them.',
      ],
    ]);
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
