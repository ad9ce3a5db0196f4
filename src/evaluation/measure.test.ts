import { describe, expect, it } from 'vitest';
import { createRecipe } from '../dent/index.ts';
import { float32 } from '../tensor.ts';
import { type Attack, VERDICT } from './attacks/attack.ts';
import { BUDGETS } from './budget.ts';
import { type Means, type Measurement, measure, type Plan, piecesOf, type ServedEvent } from './measure.ts';
import type { ServedRecipe } from './served-recipe.ts';

/**
 * A classifier of two classes: whether an image's one pixel is above `border`. It breaks where a pixel is
 * below 0.
 */
function above(name: string, border: number, preset = 'static'): ServedRecipe {
  return {
    name,
    recipe: createRecipe({ preset }),
    classes: 2,
    async serve({ data, dims }) {
      const logits = Array.from(data).flatMap((x) => (x < 0 ? [Number.NaN, Number.NaN] : [border, x]));
      const tensor = float32([dims[0]!, 2], logits);
      return { logits: tensor, staticLogits: tensor, steps: new Uint32Array(data.length).fill(3) };
    },
  };
}

/** Images of one pixel, the value of which is the number in their name; bright ones are of class 1. */
const plan = (over: Partial<Plan> = {}): Plan => ({
  files: [0.1, 0.4, 0.6, 0.9, 0.3].map((value) => ({ path: `${value}`, label: value > 0.5 ? 1 : 0 })),
  batchSize: 2,
  seed: 0,
  shifts: ['bright'],
  attacks: {},
  budget: BUDGETS.default,
  curves: { curves: [], sees: false },
  ...over,
});

function means(recipes: readonly ServedRecipe[], over: Partial<Means> = {}): Means {
  return {
    recipes,
    async readBatch(files) {
      const values = files.map(({ path }) => Number(path));
      return {
        images: float32([files.length, 1, 1, 1], values),
        labels: Int32Array.from(files, ({ label }) => label),
      };
    },
    scene: (_, batch) => ({ batch, ball: { norm: 'linf', eps: 0.1 } }) as ReturnType<Means['scene']>,
    progress: { begin() {}, share() {}, end() {} },
    onServed() {},
    signal: new AbortController().signal,
    ...over,
  };
}

const { right, wrong, unasked } = VERDICT;

describe('measure', () => {
  it('judges every image under every recipe and condition', async () => {
    const { recipes, complete } = await measure(plan(), means([above('static', 0.5), above('low', 0.35)]));
    expect(complete).toBe(5);
    const [base, low] = recipes;
    expect([...base!.natural]).toEqual([right, right, right, right, right]);
    expect([...low!.natural]).toEqual([right, wrong, right, right, right]);
    // Bright makes them .46, .64, .76, .94 and .58.
    expect([...base!.shifts.bright!]).toEqual([right, wrong, right, right, wrong]);
    expect(base).toMatchObject({ rows: 5, steps: 15 });
  });

  it('serves the very same batches to all, the last one smaller', async () => {
    const seen: ServedEvent[] = [];
    const recipes = [above('static', 0.5), above('other', 0.2)];
    await measure(plan(), means(recipes, { onServed: (event) => void seen.push(event) }));
    const of = (recipe: string) =>
      seen
        .filter((each) => each.recipe === recipe)
        .map(({ condition, batch, served }) => [condition, batch, [...served.pixels.data]]);
    expect(of('other')).toEqual(of('static'));
    expect(of('static').map(([condition, batch]) => `${condition} ${batch}`)).toEqual([
      'natural 0',
      'bright 0',
      'natural 1',
      'bright 1',
      'natural 2',
      'bright 2',
    ]);
    expect(of('static').at(-1)![2]).toHaveLength(1);
  });

  it('notices a model that answers the same images otherwise', async () => {
    const measured = (recipe: ServedRecipe) => measure(plan(), means([recipe]));
    expect((await measured(above('static', 0.5))).varies).toBe(false);
    let asked = 0;
    const { serve, ...model } = above('static', 0.5);
    const noisy: ServedRecipe = {
      ...model,
      async serve(pixels) {
        asked += 1;
        const served = await serve(pixels);
        const logits = float32(
          served.logits.dims,
          served.logits.data.map((logit) => logit + asked / 100),
        );
        return { ...served, logits };
      },
    };
    expect((await measured(noisy)).varies).toBe(true);
  });

  it('takes a row without an answer for a wrong one', async () => {
    const files = [{ path: '-1', label: 0 }];
    const { recipes } = await measure(plan({ files, shifts: [] }), means([above('static', 0.5)]));
    expect([...recipes[0]!.natural]).toEqual([wrong]);
  });

  it('tells its pieces beforehand, in their order', async () => {
    const begun: string[] = [];
    const recipes = [above('static', 0.5), above('slow', 0.5, 'isolated')];
    const progress = { begin: (what: string) => void begun.push(what), share() {}, end() {} };
    await measure(plan(), means(recipes, { progress }));
    const pieces = piecesOf(plan(), recipes);
    expect(pieces.map(({ kind }) => kind.split(' ')[0])).toEqual(begun.map((what) => what.split(',')[0]));
    expect(pieces[1]!.weight).toBe(19 * pieces[0]!.weight);
  });

  it('keeps what was done under all recipes when it is ended, and nothing else', async () => {
    const end = new AbortController();
    const recipes = [above('static', 0.5), above('other', 0.2)];
    const result: Measurement = await measure(
      plan(),
      means(recipes, {
        signal: end.signal,
        onServed({ condition, batch, recipe }) {
          // In the middle of a condition: the other recipe has not seen this batch.
          if (condition === 'bright' && batch === 1 && recipe === 'static') end.abort();
          end.signal.throwIfAborted();
        },
      }),
    );
    expect(result.complete).toBe(2);
    for (const { natural, shifts, rows } of result.recipes) {
      expect([...natural].map((verdict) => verdict !== unasked)).toEqual([true, true, true, true, false]);
      expect([...shifts.bright!].map((verdict) => verdict !== unasked)).toEqual([
        true,
        true,
        false,
        false,
        false,
      ]);
      expect(rows).toBe(4);
    }
  });

  it('does not take a failure for an end', async () => {
    const broken = { ...above('static', 0.5), serve: () => Promise.reject(new Error('broken')) };
    await expect(measure(plan(), means([broken]))).rejects.toThrow('broken');
  });
});

describe('attacks', () => {
  const work = { gradients: 4, zeroGradients: 1, queries: 8 };
  /** Says of every batch what it was told to. */
  const attack = (verdict: number, variants: readonly string[] = []): Attack => ({
    says: '',
    knows: '',
    source: '',
    seesAdaptation: false,
    countsForWorst: true,
    usesPoints: true,
    passes: () => 100,
    async run({ batch: { images, labels } }) {
      const answers = labels.map((label) => (verdict === right ? label : 1 - label));
      const served = [{ pixels: images, labels, rows: [...labels.keys()], answers }];
      const outcome = { verdicts: new Int8Array(labels.length).fill(verdict), served };
      return {
        outcomes: variants.length === 0 ? [outcome] : variants.map((variant) => ({ ...outcome, variant })),
        work,
      };
    },
  });

  it('are expected to take the work of the points once for each batch', () => {
    const recipes = [above('static', 0.5), above('other', 0.2)];
    const attacks = {
      before: { ...attack(wrong), usesPoints: false },
      strong: attack(wrong),
      weak: attack(right),
    };
    const pieces = piecesOf(plan({ attacks, shifts: [] }), recipes).filter(({ kind }) =>
      kind.endsWith('of 2'),
    );
    const [before, alsoBefore, strong, ...others] = pieces.map(({ weight }) => weight / 2).slice(2, 8);
    expect([before, alsoBefore, ...others]).toEqual([100, 100, 100, 100, 100]);
    expect(strong).toBeGreaterThan(200);
  });

  it('are run on each batch for each recipe, and their work is summed up', async () => {
    const attacks = { strong: attack(wrong), weak: attack(right, ['10 %', '90 %']) };
    const events: ServedEvent[] = [];
    const { recipes } = await measure(
      plan({ attacks, shifts: [] }),
      means([above('static', 0.5)], { onServed: (event) => void events.push(event) }),
    );
    const { attacks: found } = recipes[0]!;
    expect(Object.keys(found)).toEqual(['strong', 'weak 10 %', 'weak 90 %']);
    expect([...found.strong!.verdicts]).toEqual(Array(5).fill(wrong));
    expect(found.strong).toMatchObject({ gradients: 12, zeroGradients: 3, queries: 24 });
    expect(events.filter(({ kind, condition }) => kind === 'attack' && condition === 'strong')).toHaveLength(
      3,
    );
  });
});
