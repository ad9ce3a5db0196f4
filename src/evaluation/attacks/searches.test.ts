import { afterAll, describe, expect, it } from 'vitest';
import { attackedNetwork, SMALL_BUDGET } from '../../../test/fixtures/evaluation/attacked-network.ts';
import { distances } from '../ball.ts';
import { createRandom } from '../random.ts';
import type { OpenTarget } from '../target.ts';
import { apgd, checkpoints } from './apgd.ts';
import type { Ball } from './attack.ts';
import { Campaign } from './campaign.ts';
import { fab } from './fab.ts';
import { gradientAttacks } from './gradient-attacks.ts';
import { pgd } from './pgd.ts';
import { type Run, type Strongest, Tally } from './run.ts';
import { square, squareShare } from './square.ts';
import { tile } from './square-l2.ts';

const { network, batch, release } = await attackedNetwork();
afterAll(release);

const rows = batch.labels.length;
const broken = (found: Strongest) => found.fooled.reduce((sum, each) => sum + each, 0);

const BALLS: Ball[] = [
  { norm: 'linf', eps: 4 / 255 },
  { norm: 'l2', eps: 0.4 },
];

describe.each(BALLS)('in $norm', (ball) => {
  const runOn = (target: OpenTarget, seed = 0): Run => ({ batch, target, ball, random: createRandom(seed) });
  const second = (campaign: Campaign) => campaign.wrongClass(0);

  /** Points stay where they may be, and what is said of them holds when the network is asked again. */
  async function expectHonest(found: Strongest): Promise<void> {
    for (const distance of distances(batch.images, found.pixels, ball))
      expect(distance).toBeLessThanOrEqual(1 + 1e-5);
    expect(found.pixels.data.every((pixel) => pixel >= 0 && pixel <= 1)).toBe(true);
    const again = await Campaign.open({
      batch: { ...batch, images: found.pixels },
      target: network,
      ball,
      seed: 0,
    });
    for (const [row, margin] of found.margins.entries())
      if (margin > 0) expect(again.found.margins[row]!).toBeCloseTo(margin, 3);
  }

  it('APGD fools rows that random changes do not, and more than PGD of as many steps', async () => {
    const campaign = await Campaign.open({ batch, target: network, ball, seed: 0 });
    expect(broken(campaign.found)).toBe(0);
    const [strong, plain, random] = [
      await apgd(runOn(network), { loss: 'ce', iterations: 20 }),
      await pgd(runOn(network), { loss: 'ce', iterations: 20, step: 0.25 }),
      await pgd(runOn(network), { loss: 'ce', iterations: 1, step: 0 }),
    ];
    await expectHonest(strong);
    await expectHonest(plain);
    expect(broken(strong)).toBeGreaterThan(rows / 4);
    expect(broken(strong)).toBeGreaterThan(broken(random));
    expect(broken(strong)).toBeGreaterThanOrEqual(broken(plain) - 1);
  });

  it.each(['dlr', 'margin', 'targeted-dlr', 'targeted-ce'] as const)(
    'APGD climbs the loss %s',
    async (loss) => {
      const campaign = await Campaign.open({ batch, target: network, ball, seed: 0 });
      const found = await apgd(runOn(network), { loss, targets: second(campaign), iterations: 10 });
      await expectHonest(found);
      expect(broken(found)).toBeGreaterThan(0);
    },
  );

  it('FAB finds points within eps', async () => {
    const campaign = await Campaign.open({ batch, target: network, ball, seed: 0 });
    const found = await fab(runOn(network), { targets: second(campaign), iterations: 15 });
    await expectHonest(found);
    expect(broken(found)).toBeGreaterThan(rows / 5);
  });

  it('Square fools rows by predictions alone', async () => {
    const { logits, classes, independentRows, only } = network;
    const found = await square(
      { ...runOn(network), target: { logits, classes, independentRows, only } as OpenTarget },
      { queries: 60 },
    );
    await expectHonest(found);
    const begun = await square(runOn(network), { queries: 1 });
    expect(broken(found)).toBeGreaterThan(broken(begun));
  });

  it('the same seed gives the same points, another seed others', async () => {
    const searches = [
      (seed: number) => apgd(runOn(network, seed), { loss: 'ce', iterations: 3 }),
      (seed: number) => square(runOn(network, seed), { queries: 5 }),
    ];
    for (const search of searches) {
      const [one, same, other] = [await search(1), await search(1), await search(2)];
      expect(same.pixels).toEqual(one.pixels);
      expect(other.pixels).not.toEqual(one.pixels);
    }
  });

  it('each attack in the order of AutoAttack leaves fewer rows, and says how many', async () => {
    const tally = new Tally();
    const heard: number[] = [];
    const options = {
      batch,
      target: tally.watch(network),
      ball,
      seed: 0,
      onProgress: (share: number) => heard.push(share),
    };
    const { found, stages } = await gradientAttacks(options, SMALL_BUDGET);
    await expectHonest(found);
    expect(stages.map(({ name }) => name)).toEqual(['APGD-CE', 'APGD-T', 'APGD-T 2', 'FAB-T', 'FAB-T 2']);
    const right = stages.map((stage) => stage.right);
    expect(right).toEqual(right.toSorted((a, b) => b - a));
    expect(right.at(-1)).toBe(rows - broken(found));
    expect(heard).toEqual(heard.toSorted((a, b) => a - b));
    expect(heard.at(-1)).toBeCloseTo(1, 6);
    // APGD-CE alone looks at every row before the first step and after each.
    expect(tally.gradients).toBeGreaterThanOrEqual(rows * (SMALL_BUDGET.iterations + 1));
    // A row of which the network is so sure that its cross-entropy vanishes in float32 has no gradient, until
    // APGD-T comes.
    expect(tally.zeroGradients).toBeLessThan(tally.gradients / 20);
  });

  it('rows that depend on one another are attacked jointly, whichever of them is fooled', async () => {
    const sizes = new Set<number>();
    const joint: OpenTarget = {
      ...network,
      independentRows: false,
      lossAndGradient: (pixels, ...others) => {
        sizes.add(pixels.dims[0]!);
        return network.lossAndGradient(pixels, ...others);
      },
      only() {
        throw new Error('taken apart');
      },
    };
    const { found } = await gradientAttacks({ batch, target: joint, ball, seed: 0 }, SMALL_BUDGET);
    expect([...sizes]).toEqual([rows]);
    await expectHonest(found);
    expect(broken(found)).toBeGreaterThan(rows / 4);
    await expectHonest(await square(runOn(joint), { queries: 10 }));
  });
});

describe('an attack that has no gradient', () => {
  it('is told from one that has by its tally', async () => {
    const tally = new Tally();
    const masked: OpenTarget = {
      ...network,
      async lossAndGradient(...asked) {
        const ascent = await network.lossAndGradient(...asked);
        return {
          ...ascent,
          gradient: { ...ascent.gradient, data: new Float32Array(ascent.gradient.data.length) },
        };
      },
      only: () => masked,
    };
    const run = { batch, target: tally.watch(masked), ball: BALLS[0]!, random: createRandom(0) };
    await apgd(run, { loss: 'ce', iterations: 2 });
    expect(tally.gradients).toBe(3 * rows);
    expect(tally.zeroGradients).toBe(3 * rows);
  });
});

describe('schedules', () => {
  it('of APGD look at the step ever more often', () => {
    expect(checkpoints(100)).toEqual([22, 41, 57, 70, 80, 87, 93, 99]);
    expect(checkpoints(1)).toEqual([1]);
  });

  it('of Square end with small squares whatever the number of queries', () => {
    expect([0, 11, 51, 4999].map((query) => squareShare(query, 5000))).toEqual([0.8, 0.4, 0.2, 0.8 / 128]);
    expect([0, 99].map((query) => squareShare(query, 100))).toEqual([0.8, 0.8 / 512]);
  });

  it('of Square add tiles of length 1, up on one side and down on the other', () => {
    for (const side of [3, 7, 8]) {
      for (const isTurned of [false, true]) {
        const values = tile(side, isTurned);
        expect(Math.hypot(...values)).toBeCloseTo(1, 9);
        const at = (y: number, x: number) => values[isTurned ? x * side + y : y * side + x]!;
        expect(at(0, Math.floor(side / 2))).toBeGreaterThan(0);
        expect(at(side - 1, Math.floor(side / 2))).toBeLessThan(0);
      }
    }
  });
});
