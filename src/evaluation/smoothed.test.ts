import { afterAll, describe, expect, it } from 'vitest';
import { attackedNetwork, SMALL_BUDGET } from '../../test/fixtures/evaluation/attacked-network.ts';
import { defend } from '../../test/fixtures/evaluation/served-model.ts';
import { adaptedLayers, adaptiveForward, createRecipe } from '../dent/index.ts';
import { float32, type Tensor } from '../tensor.ts';
import { apgd } from './attacks/apgd.ts';
import { type Ball, VERDICT } from './attacks/attack.ts';
import { StrongestServed } from './attacks/serving.ts';
import { smoothedAttack } from './attacks/smoothed.ts';
import { createStaticPoints } from './attacks/transfer.ts';
import { rowViews } from './ball.ts';
import { openNetwork } from './network.ts';
import { createRandom } from './random.ts';
import { smoothedTarget } from './smoothed.ts';

const ROWS = 16;
const { engine, model, batch, release } = await attackedNetwork(ROWS);
afterAll(release);

const isolated = createRecipe({ preset: 'isolated' });

const lengthOf = (values: Float32Array): number => Math.hypot(...values);
const plus = (a: Tensor<'float32'>, b: Tensor<'float32'>, by: (row: number) => number): Tensor<'float32'> => {
  const size = a.data.length / ROWS;
  return float32(
    a.dims,
    a.data.map((value, i) => value + by(Math.floor(i / size)) * b.data[i]!),
  );
};

describe('a gradient through the adaptation', () => {
  it('is that of plain descent by one step, as long as the adaptation was', async () => {
    // Without kinks, at which slopes jump.
    const { engine, model, batch, release } = await attackedNetwork(ROWS, 'efficientnet');
    const { images, labels } = batch;
    const margin = { name: 'margin', labels } as const;
    const entropy = { name: 'entropy', labels } as const;
    const { classifier } = model.prepared;
    const layers = adaptedLayers(isolated, classifier.model.graph);
    const { parameterCount } = adaptiveForward(classifier, layers, isolated);
    const adapting = openNetwork({ engine, ...model }, isolated);
    const random = createRandom(3);
    const dims = [ROWS, parameterCount];
    const offsets = float32(
      dims,
      Float32Array.from({ length: ROWS * parameterCount }, () => 0.05 * random.normal()),
    );
    const zeros = float32(dims, new Float32Array(ROWS * parameterCount));
    const slopeOf = async (x: Tensor<'float32'>) => (await adapting.slopes(zeros, x, entropy)).byParameters;
    const slope = await slopeOf(images);
    const [moved, steep] = [offsets, slope].map((each) => rowViews(each).map(lengthOf)) as [
      number[],
      number[],
    ];
    /** The loss where the way of descent has turned as the entropy's slope turns from the images to `x`. */
    async function surrogate(x: Tensor<'float32'>): Promise<Float64Array> {
      const turned = await slopeOf(x);
      const lengths = rowViews(turned).map(lengthOf);
      const before = plus(offsets, slope, (row) => moved[row]! / steep[row]!);
      const parameters = plus(before, turned, (row) => -moved[row]! / lengths[row]!);
      return (await adapting.at(parameters).lossAndGradient(x, margin)).losses;
    }

    const target = smoothedTarget({
      classes: model.prepared.classes,
      network: () => adapting,
      adapted: async () => offsets,
    });
    const { gradient, losses } = await target.lossAndGradient(images, margin);
    const plain = await adapting.at(offsets).lossAndGradient(images, margin);
    expect(losses).toEqual(plain.losses);
    // What goes through the adaptation alone, along which both are compared.
    const through = plus(gradient, plain.gradient, () => -1);
    const length = rowViews(through).map(lengthOf);
    const h = 5e-4;
    const step = (sign: number) => plus(images, through, (row) => (sign * h) / length[row]!);
    const [above, below] = [await surrogate(step(1)), await surrogate(step(-1))];
    const along = rowViews(gradient).map((own, row) => {
      const direction = rowViews(through)[row]!;
      return own.reduce((sum, value, i) => sum + value * direction[i]!, 0) / length[row]!;
    });
    const measured = Array.from(above, (loss, row) => (loss - below[row]!) / (2 * h));
    // Where the network is so sure that its entropy has no slope, nothing goes through.
    const asked = [...along.keys()].filter((row) => steep[row]! > 1e-15);
    expect(asked.length).toBeGreaterThan(ROWS / 4);
    const near = asked.filter((row) => Math.abs(measured[row]! / along[row]! - 1) < 0.1);
    expect(near.length).toBeGreaterThanOrEqual(0.7 * asked.length);
    for (const [row, slope] of steep.entries()) if (slope === 0) expect(length[row]).toBe(0);
    await adapting.release();
    await release();
  });

  it('is there for recipes whose rows adapt for themselves, and for no others', async () => {
    for (const [preset, has] of [
      ['brief', true],
      ['static', false],
      ['norm', false],
      ['dent+', false],
    ] as const) {
      const defence = await defend(engine, model, { preset });
      expect(defence.smoothed !== undefined).toBe(has);
      await defence.release();
    }
  });

  it('breaks what the same search does with parameters held fixed, and more than transfer', async () => {
    const { engine, model, network, batch, release } = await attackedNetwork(48);
    const defence = await defend(engine, model, { preset: 'brief' });
    const ball: Ball = { norm: 'linf', eps: 3 / 255 };
    const common = { batch, network, ball, budget: SMALL_BUDGET, seed: 0 };
    const scene = { ...common, defence, points: createStaticPoints(common) };
    const start = (await scene.points.transfer({})).pixels;
    const strongest = new StrongestServed(scene);
    await strongest.offer(start);
    const afterTransfer = strongest.rest.length;
    const held = { batch, target: await defence.hold(start), ball, random: createRandom(0) };
    const { iterations } = SMALL_BUDGET;
    await strongest.offer((await apgd(held, { loss: 'margin', iterations, start })).pixels);
    const [outcome] = (await smoothedAttack.run(scene)).outcomes;
    const left = outcome!.verdicts.filter((verdict) => verdict === VERDICT.right).length;
    expect(left).toBeLessThan(afterTransfer);
    // Machines round differently: a row may fall to the one and not to the other.
    expect(left).toBeLessThanOrEqual(strongest.rest.length + 1);
    await defence.release();
    await release();
  });

  it('attacks what the recipe serves, not the network beside it', async () => {
    const defence = await defend(engine, model, { preset: 'isolated' });
    const [own, served] = [await defence.smoothed!.logits(batch.images), await defence.serve(batch.images)];
    own.data.forEach((logit, i) => {
      expect(logit).toBeCloseTo(served.logits.data[i]!, 2);
    });
    await defence.release();
  });
});
