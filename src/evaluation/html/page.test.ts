import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { createRecipe } from '../../dent/index.ts';
import { float32 } from '../../tensor.ts';
import { VERDICT } from '../attacks/attack.ts';
import { createExampleKeeper } from '../examples.ts';
import type { RecipeRows, ServedEvent } from '../measure.ts';
import { createReport } from '../report.ts';
import { lineChart } from './line-chart.ts';
import { htmlPage } from './page.ts';
import { scatter } from './scatter.ts';

const rightOf = (count: number): Int8Array =>
  Int8Array.from({ length: 50 }, (_, i) => (i < count ? VERDICT.right : VERDICT.wrong));

const rowsOf = (name: string, natural: number, dark: number, transfer: number): RecipeRows => ({
  name,
  recipe: createRecipe({ preset: name }),
  natural: rightOf(natural),
  shifts: { dark: rightOf(dark) },
  attacks: {
    transfer: {
      verdicts: rightOf(transfer),
      countsForWorst: true,
      seesAdaptation: false,
      gradients: 1,
      zeroGradients: 0,
      queries: 0,
      unmoved: 0,
      beyond: 0,
      stages: [],
    },
  },
  rows: 50,
  steps: 0,
  milliseconds: 100,
});

const head = {
  model: '<b>m</b>',
  data: 'd & e',
  batchSize: 50,
  seed: 0,
  device: 'cpu',
  eps: 8 / 255,
  norm: 'linf',
} as const;
const report = createReport(head, {
  recipes: [rowsOf('static', 40, 10, 20), rowsOf('norm', 38, 35, 5)],
  complete: 50,
  labels: new Int32Array(50),
  classes: 2,
  curves: [],
  varies: false,
});

/** Two images of 3 x 2 x 2: the first is bright, the second dark. */
const images = float32(
  [2, 3, 2, 2],
  Array.from({ length: 24 }, (_, i) => (i < 12 ? 1 : 0)),
);
const labels = Int32Array.of(1, 0);
const event = (kind: ServedEvent['kind'], condition: string, answers: Int32Array): ServedEvent => ({
  kind,
  condition,
  recipe: 'norm',
  batch: 0,
  served: {
    pixels:
      kind === 'natural'
        ? images
        : float32(
            images.dims,
            images.data.map((x) => x / 2),
          ),
    labels,
    rows: [0, 1],
    answers,
  },
  original: { images, labels },
});

describe('the page', () => {
  it('stands alone, and shows every figure in numbers', async () => {
    const page = await htmlPage(report, {
      examples: [],
      labels: ['a', 'b'],
      attacks: { transfer: 'says so' },
    });
    expect(page).not.toMatch(/<script|<link|https?:|url\(|@import/);
    for (const text of [
      '80.0 %',
      '76.0 %',
      '20.0 %',
      '70.0 %',
      '40.0 %',
      '10.0 %',
      'says so',
      '0.4 x',
      'up to 0.0314 (8/255) in linf',
    ]) {
      expect(page).toContain(text);
    }
    expect(page).toContain('worse-than-static');
    expect(page).toContain('For attack: none');
  });

  it('explains each figure of an attack that has several, of so many images, and the price in time', async () => {
    const [base, dent] = [rowsOf('static', 40, 10, 20), rowsOf('dent', 38, 35, 22)];
    const few = dent.attacks.transfer!.verdicts.map((verdict, i) => (i < 8 ? verdict : VERDICT.unasked));
    const measured = [base, dent].map((rows) => {
      const { transfer } = rows.attacks;
      const single = rows === dent ? { ...transfer!, verdicts: few } : transfer!;
      return { ...rows, attacks: { 'duplicates single': single }, milliseconds: rows === dent ? 300 : 100 };
    });
    const told = createReport(head, {
      ...{
        recipes: measured,
        complete: 50,
        labels: new Int32Array(50),
        classes: 2,
        curves: [],
        varies: false,
      },
    });
    const page = await htmlPage(told, { examples: [], labels: [], attacks: { duplicates: 'a batch of it' } });
    expect(page).toContain('duplicates single <small>a batch of it</small>');
    expect(page).toContain('right, of 50');
    expect(page).toContain('<small>of 8</small>');
    expect(page).toContain('It takes 3.0 times the time of static.');
  });

  it('takes names for text', async () => {
    const page = await htmlPage(report, { examples: [], labels: [], attacks: {} });
    expect(page).toContain('What recipes are worth for &lt;b&gt;m&lt;/b&gt;');
    expect(page).toContain('d &amp; e');
    expect(page).not.toContain('<b>m</b>');
  });

  it('shows images that were broken, before and after', async () => {
    const keeper = createExampleKeeper();
    keeper.see(event('natural', 'natural', Int32Array.of(1, 1)));
    keeper.see(event('attack', 'transfer', Int32Array.of(0, 1)));
    // The second is wrong as it is: that is no breaking.
    keeper.see(event('shift', 'dark', Int32Array.of(1, 1)));
    expect(keeper.examples).toHaveLength(1);
    const page = await htmlPage(report, { examples: keeper.examples, labels: ['cat', 'dog'], attacks: {} });
    expect(page).toContain('<b>transfer</b>: dog, then cat');
    const pngs = [...page.matchAll(/base64,([^"]+)"/g)].map(([, png]) => Buffer.from(png!, 'base64'));
    const first = await Promise.all(pngs.map(async (png) => (await sharp(png).raw().toBuffer())[0]));
    expect(first).toEqual([255, 128]);
  });

  it('shows the very image that each row was made from, whatever it was served beside', async () => {
    const keeper = createExampleKeeper();
    keeper.see(event('natural', 'natural', Int32Array.of(1, 0)));
    const { served, ...of } = event('attack', 'duplicates copies', Int32Array.of(1, 1));
    // Two copies of the second image, which is dark; the first is bright.
    const copies = { ...served, labels: Int32Array.of(0, 0), rows: [1, 1] };
    keeper.see({ ...of, served: copies });
    const [example] = keeper.examples;
    expect(example).toMatchObject({ label: 0, answer: 1 });
    expect([...example!.before.data]).toEqual(new Array(12).fill(0));
  });

  it('keeps one example for a recipe and a condition, whatever passes by', () => {
    const keeper = createExampleKeeper();
    for (let batch = 0; batch < 3; batch++) {
      keeper.see(event('natural', 'natural', Int32Array.of(1, 0)));
      keeper.see(event('attack', 'transfer', Int32Array.of(0, 0)));
      keeper.see(event('attack', 'square', Int32Array.of(0, 0)));
    }
    expect(keeper.examples.map(({ condition }) => condition)).toEqual(['transfer', 'square']);
  });
});

describe('curves', () => {
  const rightAt = (counts: readonly number[], at: readonly number[]) =>
    counts.map((count, i) => ({ at: at[i]!, verdicts: rightOf(count), natural: rightOf(40) }));
  const curves = ['static', 'norm'].flatMap((recipe) => [
    {
      along: 'eps' as const,
      recipe,
      own: 8 / 255,
      points: rightAt([30, 20, 0], [4 / 255, 8 / 255, 0.5]),
    },
    { along: 'iterations' as const, recipe, own: 30, points: rightAt([20, 6], [30, 120]) },
  ]);
  const labels = new Int32Array(50);
  const recipes = [rowsOf('static', 40, 10, 20), rowsOf('norm', 38, 35, 5)];
  const drawn = createReport(head, { recipes, complete: 50, labels, classes: 2, curves, varies: false });

  it('are drawn and in numbers, and tell whether the budget is large enough', async () => {
    const page = await htmlPage(drawn, { examples: [], labels: [], attacks: {} });
    expect(page).toContain('Accuracy against eps');
    // Two points of steps are no curve.
    expect(page).not.toContain('Accuracy against steps of the attack');
    expect(page).toMatch(/<th scope="row">8<\/th><td><b>40.0<\/b> \*<small>28–54<\/small>/);
    expect(page).toContain('<th scope="row">128</th><td><b>0.0</b>');
    expect(page).toContain('norm: not flat. 120 steps in place of 30 change accuracy by -28.0 points');
    expect(page).not.toContain('NaN');
  });

  it('have no more to say where none was measured', async () => {
    expect(await htmlPage(report, { examples: [], labels: [], attacks: {} })).not.toContain('Curves');
  });
});

it('lines differ without colour, and their names stand above the axis', () => {
  const names = ['static', 'brief', 'isolated', 'a-recipe-of-a-very-long-name'];
  const series = names.map((name, shape) => ({ name, shape, points: [1, 2, 4].map((x) => ({ x, y: 0 })) }));
  const svg = lineChart(series, { title: 't', xLabel: 'x', yLabel: 'y', logarithmic: true });
  expect(svg).not.toContain('NaN');
  expect(svg).toContain('>a-recipe-of-a-…<');
  const dashes = [...svg.matchAll(/stroke-dasharray="([^"]*)"/g)].map(([, dash]) => dash);
  expect(new Set(dashes).size).toBe(4);
  const shown = ['static', 'brief', 'isolated', 'a-recipe-of-a-…'];
  const heights = shown.map((name) => Number(new RegExp(`y="([0-9.]+)">${name}<`).exec(svg)![1]));
  expect(new Set(heights).size).toBe(4);
  expect(Math.max(...heights)).toBeLessThan(206);
});

it('a plot has its names apart and within', () => {
  const axes = { title: 't', xLabel: 'x', yLabel: 'y', logarithmic: true };
  const points = ['one', 'two', 'three', 'a-recipe-of-a-long-name'].map((name, i) => ({
    name,
    x: 10 ** i,
    y: 0.5,
  }));
  const svg = scatter(points, axes);
  expect(svg).not.toContain('NaN');
  const heights = points.map(({ name }) => Number(new RegExp(`y="([0-9.]+)"[^>]*>${name}<`).exec(svg)![1]));
  expect(new Set(heights).size).toBe(4);
  expect(svg).toMatch(/text-anchor="end">a-recipe-of-a-long-name/);
  expect(scatter(points.slice(0, 1), axes)).toBe('');
});
