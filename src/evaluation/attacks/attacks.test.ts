import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attackedNetwork, SMALL_BUDGET } from '../../../test/fixtures/evaluation/attacked-network.ts';
import { defend } from '../../../test/fixtures/evaluation/served-model.ts';
import { float32 } from '../../tensor.ts';
import { answersOf } from '../answers.ts';
import { distances } from '../ball.ts';
import { createRandom } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import type { Defence, OpenTarget } from '../target.ts';
import { type Attacked, type Ball, type Outcome, type Scene, VERDICT } from './attack.ts';
import { composite } from './composite.ts';
import { certainties } from './confidence.ts';
import { ATTACK_SETS, ATTACKS, type AttackName } from './index.ts';
import { createStaticPoints } from './transfer.ts';

const { engine, model, network, batch, release } = await attackedNetwork();
afterAll(release);

const rows = batch.labels.length;
const ball: Ball = { norm: 'linf', eps: 2 / 255 };
const NAMES = Object.keys(ATTACKS) as AttackName[];

const points = createStaticPoints({ batch, network, ball, budget: SMALL_BUDGET, seed: 0 });
const sceneOf = (defence: Defence): Scene => ({
  batch,
  network,
  defence,
  ball,
  budget: SMALL_BUDGET,
  seed: 0,
  points,
});

const count = ({ verdicts }: Outcome, verdict: number) => verdicts.filter((each) => each === verdict).length;
const right = (outcome: Outcome) => count(outcome, VERDICT.right);
const openRecipe = (preset: string) => defend(engine, model, { preset });

/** The recipe's answers to a batch as it is, judged. */
async function cleanlyRight(defence: Defence): Promise<Uint8Array> {
  const { logits } = await defence.serve(batch.images);
  return Uint8Array.from(batch.labels, (label, row) => {
    const own = logits.data.subarray(row * defence.classes, (row + 1) * defence.classes);
    return own.indexOf(Math.max(...own)) === label ? 1 : 0;
  });
}

/** What tells the figures of each attack apart, by recipe. */
const variants: Record<string, Record<string, (string | undefined)[]>> = {};

describe.each(['static', 'brief', 'norm', 'dent+'])('on %s', (preset) => {
  let defence: Defence;
  const results = new Map<AttackName, Attacked>();

  beforeAll(async () => {
    defence = await openRecipe(preset);
    for (const name of NAMES) results.set(name, await ATTACKS[name].run(sceneOf(defence)));
    variants[preset] = Object.fromEntries(
      NAMES.map((name) => [name, results.get(name)!.outcomes.map(({ variant }) => variant)]),
    );
  }, 120_000);
  afterAll(() => defence.release());

  it.each(NAMES)('%s is judged on the very batches that it served', async (name) => {
    for (const { served, verdicts } of results.get(name)!.outcomes) {
      expect(verdicts).toHaveLength(rows);
      expect(served.length).toBeGreaterThan(0);
      for (const { pixels, labels, answers } of served) {
        const { logits } = await defence.serve(pixels);
        expect(logits.dims[0]).toBe(labels.length);
        answers.forEach((answer, row) => {
          const own = logits.data.subarray(row * defence.classes, (row + 1) * defence.classes);
          expect(own[answer]).toBeCloseTo(Math.max(...own), 2);
        });
        expect(pixels.data.every((pixel) => pixel >= 0 && pixel <= 1)).toBe(true);
      }
    }
  });

  it.each(NAMES.filter((name) => ATTACKS[name].countsForWorst && name !== 'duplicates'))(
    '%s stays within eps, and breaks some rows',
    (name) => {
      for (const outcome of results.get(name)!.outcomes) {
        const [{ pixels }] = outcome.served as [Outcome['served'][0]];
        for (const distance of distances(batch.images, pixels, ball))
          expect(distance).toBeLessThanOrEqual(1 + 1e-6);
        expect(right(outcome)).toBeLessThan(rows);
      }
    },
  );

  it('attacks that begin with transfer are at least as strong', () => {
    const [transfer] = results.get('transfer')!.outcomes as [Outcome];
    for (const name of ['fpa', 'gmsa', 'square', 'queries', 'confidence', 'steps', 'smoothed'] as const)
      for (const outcome of results.get(name)!.outcomes)
        expect(right(outcome)).toBeLessThanOrEqual(right(transfer));
  });

  it('mixed and duplicates judge the rows that they changed alone', () => {
    const shares = results
      .get('mixed')!
      .outcomes.map((outcome) => [outcome.variant, rows - count(outcome, VERDICT.unasked)]);
    expect(shares).toEqual([
      ['1 of 16', 1],
      ['10 %', 2],
      ['25 %', 6],
      ['50 %', 12],
      ['75 %', 18],
      ['90 %', 22],
    ]);
    for (const { variant, served } of results.get('duplicates')!.outcomes) {
      if (defence.independentRows) continue;
      for (const { labels } of served) expect(labels).toHaveLength(variant === 'single' ? 1 : rows);
    }
  });

  it('batch-mates leave rows as they are that are independent', async () => {
    const clean = await cleanlyRight(defence);
    for (const { verdicts } of results.get('batch-mates')!.outcomes) {
      const asked = Array.from(verdicts, (_, row) => row).filter((row) => verdicts[row] !== VERDICT.unasked);
      expect(asked.length).toBeLessThan(rows);
      if (!defence.independentRows) continue;
      expect(asked.map((row) => verdicts[row])).toEqual(asked.map((row) => clean[row]));
    }
  });

  it.each(['white-box', 'fpa', 'gmsa', 'steps'] as const)('guesses the work of %s', (name) => {
    if (!defence.adapts) return;
    const { gradients, queries } = results.get(name)!.work;
    const guess = rows * ATTACKS[name].passes({ recipe: defence.recipe, budget: SMALL_BUDGET });
    const made = 2.5 * gradients + queries;
    expect(guess).toBeGreaterThan(made / 2);
    expect(guess).toBeLessThan(3 * made);
  });

  it('gmsa leaves rows that are broken where they are independent, and no others', () => {
    const { rounds, iterations } = SMALL_BUDGET;
    const networks = Array.from({ length: rounds }, (_, round) => 2 + round);
    const all = 2 * rows * (iterations + 1) * networks.reduce((sum, each) => sum + each, 0);
    const { gradients } = results.get('gmsa')!.work;
    if (!defence.adapts) return;
    if (defence.independentRows) expect(gradients).toBeLessThan(all);
    else expect(gradients).toBe(all);
  });

  it('says what it cost', () => {
    expect(results.get('transfer')!.work.gradients).toBeGreaterThan(rows * SMALL_BUDGET.iterations);
    expect(results.get('square')!.work.queries).toBeGreaterThan(0);
    if (defence.adapts)
      expect(results.get('gmsa')!.work.gradients).toBeGreaterThan(results.get('fpa')!.work.gradients);
  });
});

it('every attack has the same figures under every recipe, so that they can stand side by side', () => {
  const [base, ...others] = Object.values(variants);
  expect(base).toMatchObject({ gmsa: ['avg', 'min'], duplicates: ['copies', 'single'] });
  for (const other of others) expect(other).toEqual(base);
});

it('statistics of the batch carry a stranger’s rows into the answers of others', async () => {
  const defence = await openRecipe('norm');
  const natural = (await cleanlyRight(defence)).reduce((sum, each) => sum + each, 0) / rows;
  const { outcomes, work } = await ATTACKS['batch-mates'].run(sceneOf(defence));
  const worst = outcomes.at(-1)!;
  expect(right(worst) / (rows - count(worst, VERDICT.unasked))).toBeLessThan(natural);
  expect(work.gradients).toBeGreaterThan(0);
  await defence.release();
});

it('white-box searches by the statistics that a batch keeps, and batch-mates by those that rows share', async () => {
  const defence = await defend(engine, model, { preset: 'auto', margin: -10 });
  const scene = sceneOf(defence);
  const [transfer, whiteBox] = [await ATTACKS.transfer.run(scene), await ATTACKS['white-box'].run(scene)];
  const [found, expected] = [whiteBox, transfer].map(({ outcomes }) => outcomes[0]!.served[0]!.pixels.data);
  expect(found!.every((pixel, i) => pixel === expected![i])).toBe(true);
  const { work } = await ATTACKS['batch-mates'].run(scene);
  expect(work.gradients).toBeGreaterThan(0);
  await defence.release();
});

it('the same seed attacks alike', async () => {
  const defence = await openRecipe('brief');
  for (const name of ['white-box', 'square'] as const) {
    const [one, other] = [
      await ATTACKS[name].run(sceneOf(defence)),
      await ATTACKS[name].run(sceneOf(defence)),
    ];
    expect(other.outcomes).toEqual(one.outcomes);
  }
  await defence.release();
});

it('an attack ends when it is told to', async () => {
  const defence = await openRecipe('static');
  const signal = AbortSignal.abort(new Error('enough'));
  const fresh = createStaticPoints({ batch, network, ball, budget: SMALL_BUDGET, seed: 1 });
  await expect(ATTACKS.transfer.run({ ...sceneOf(defence), points: fresh, signal })).rejects.toThrow(
    'enough',
  );
  await expect(ATTACKS.square.run({ ...sceneOf(defence), signal })).rejects.toThrow('enough');
  await defence.release();
});

describe('several networks as one', () => {
  const random = createRandom(4);
  const scaled = (by: number): OpenTarget => ({
    ...network,
    async lossAndGradient(...asked) {
      const { logits, losses, gradient } = await network.lossAndGradient(...asked);
      return {
        logits: float32(
          logits.dims,
          logits.data.map((logit) => by * logit),
        ),
        losses: losses.map((loss, row) => by * loss + (row % 2 === 0 ? 0 : 1000 * by)),
        gradient: float32(
          gradient.dims,
          gradient.data.map((slope) => by * slope),
        ),
      };
    },
    only: () => scaled(by),
  });
  const moved = float32(
    batch.images.dims,
    batch.images.data.map((pixel) => Math.min(1, Math.max(0, pixel + 0.02 * random.normal()))),
  );
  const loss = { name: 'margin', labels: batch.labels } as const;

  it('add up, or each row is that of the network that resists most', async () => {
    const alone = await network.lossAndGradient(moved, loss);
    const sum = await composite([network, scaled(2)], 'avg').lossAndGradient(moved, loss);
    const least = await composite([network, scaled(2)], 'min').lossAndGradient(moved, loss);
    alone.losses.forEach((value, row) => {
      const other = 2 * value + (row % 2 === 0 ? 0 : 2000);
      expect(sum.losses[row]).toBeCloseTo(value + other, 3);
      expect(least.losses[row]).toBeCloseTo(Math.min(value, other), 3);
      const at = row * 3072 + 100;
      expect(sum.gradient.data[at]).toBeCloseTo(3 * alone.gradient.data[at]!, 3);
      expect(least.gradient.data[at]).toBeCloseTo((value <= other ? 1 : 2) * alone.gradient.data[at]!, 3);
    });
    const some = composite([network, network], 'avg').only([3, 1]);
    const { losses } = await some.lossAndGradient(takeRows(moved, [3, 1]), {
      name: 'margin',
      labels: Int32Array.of(batch.labels[3]!, batch.labels[1]!),
    });
    expect(losses[0]).toBeCloseTo(2 * alone.losses[3]!, 2);
  });
});

it('certainty of a wrong class counts more than a wide margin', () => {
  const logits = float32([3, 3], [0, 9, 8.9, 0, 5, -5, 2, 1, 0]);
  const [unsure, sure, stillRight] = certainties(logits, Int32Array.of(0, 0, 0));
  expect(sure).toBeGreaterThan(unsure!);
  expect(unsure).toBeGreaterThan(stillRight!);
  expect(stillRight).toBeCloseTo(-1, 5);
});

it('a row without a finite answer is right for no label', () => {
  expect(answersOf(float32([2, 2], [Number.NaN, 1, 0, 1]))).toEqual(Int32Array.of(-1, 1));
});

it('sets of attacks name attacks', () => {
  expect(ATTACK_SETS.all).toEqual(NAMES);
  for (const names of Object.values(ATTACK_SETS)) for (const name of names) expect(NAMES).toContain(name);
});
