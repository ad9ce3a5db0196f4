import { afterAll, describe, expect, it } from 'vitest';
import { attackedNetwork, SMALL_BUDGET } from '../../../test/fixtures/evaluation/attacked-network.ts';
import { defend } from '../../../test/fixtures/evaluation/served-model.ts';
import { float32 } from '../../tensor.ts';
import { type Measurement, measure } from '../measure.ts';
import { createReport } from '../report.ts';
import type { Defence, OpenTarget } from '../target.ts';
import { type Attack, type Ball, VERDICT } from './attack.ts';
import { ATTACKS, type AttackName } from './index.ts';
import { createStaticPoints } from './transfer.ts';

/** Would the report notice if an attack did not do what it says? Each is tried, by the table. */
const { engine, model, network, batch, release } = await attackedNetwork();
const defence = await defend(engine, model, { preset: 'brief' });
afterAll(async () => {
  await defence.release();
  await release();
});

const rows = batch.labels.length;
const ball: Ball = { norm: 'linf', eps: 2 / 255 };
const NAMES = Object.keys(ATTACKS) as AttackName[];

interface Trial {
  readonly labels?: Int32Array;
  readonly target?: OpenTarget;
  readonly defence?: Defence;
}

function run(
  attacks: Record<string, Attack>,
  { labels = batch.labels, target = network, defence: defended = defence }: Trial,
): Promise<Measurement> {
  const own = { images: batch.images, labels };
  const files = Array.from(labels, (label, row) => ({ path: `${row}`, label }));
  const common = { batch: own, network: target, ball, budget: SMALL_BUDGET, seed: 0 };
  const points = createStaticPoints(common);
  const curves = { curves: [], sees: false };
  return measure(
    { files, batchSize: rows, seed: 0, shifts: [], attacks, budget: SMALL_BUDGET, curves },
    {
      recipes: [defended],
      readBatch: async () => own,
      scene: () => ({ ...common, defence: defended, points }),
      progress: { begin() {}, share() {}, end() {} },
      onServed() {},
      signal: new AbortController().signal,
    },
  );
}

const head = { model: 'm', data: 'd', batchSize: rows, seed: 0, device: 'cpu' } as const;
const alarmsOf = (measurement: Measurement) => createReport(head, measurement).alarms;

describe('an attack replaced by the identity', () => {
  const identity = (attack: Attack): Attack => ({
    ...attack,
    async run({ batch: { images, labels } }) {
      const verdicts = new Int8Array(labels.length).fill(VERDICT.right);
      const served = [{ pixels: images, labels, rows: [...labels.keys()], answers: labels }];
      return { outcomes: [{ verdicts, served }], work: { gradients: 0, zeroGradients: 0, queries: 0 } };
    },
  });

  it.each(NAMES)('%s: the report says that it did nothing', async (name) => {
    const alarms = alarmsOf(await run({ [name]: identity(ATTACKS[name]) }, {}));
    expect(alarms.map(({ code }) => code)).toEqual(['idle-attack']);
    expect(alarms[0]!.text).toContain(`${name} ${rows} of ${rows}.`);
  });
});

describe('an attack that goes too far', () => {
  it('is told of', async () => {
    const far: Attack = {
      ...ATTACKS.pgd,
      run: (scene) => ATTACKS.pgd.run({ ...scene, ball: { ...ball, eps: 2 * ball.eps } }),
    };
    const codes = alarmsOf(await run({ pgd: far }, {})).map(({ code }) => code);
    expect(codes).toContain('beyond-eps');
  });
});

describe('attacks that share a batch', () => {
  it.each(['dent+', 'norm'])(
    'are not taken for idle ones, or for ones that go too far: %s',
    async (preset) => {
      const coupled = await defend(engine, model, { preset });
      const attacks = { duplicates: ATTACKS.duplicates, 'batch-mates': ATTACKS['batch-mates'] };
      const measurement = await run(attacks, { defence: coupled });
      const codes = alarmsOf(measurement).map(({ code }) => code);
      for (const code of ['beyond-eps', 'idle-attack', 'zero-gradients']) expect(codes).not.toContain(code);
      await coupled.release();
    },
  );
});

describe('gradients of zeros', () => {
  const zeros: OpenTarget = {
    ...network,
    async lossAndGradient(...asked) {
      const ascent = await network.lossAndGradient(...asked);
      const data = new Float32Array(ascent.gradient.data.length);
      return { ...ascent, gradient: float32(ascent.gradient.dims, data) };
    },
    only: () => zeros,
  };
  const masked: Defence = { ...defence, hold: async () => zeros, smoothed: zeros };
  /** The others follow no gradient of their own: they begin with the points of transfer, or with none. */
  const FOLLOW = ['pgd', 'transfer', 'white-box', 'fpa', 'gmsa', 'confidence', 'steps', 'smoothed'];

  it.each(NAMES)('%s: the report says so where it follows them', async (name) => {
    const measurement = await run({ [name]: ATTACKS[name] }, { target: zeros, defence: masked });
    const told = alarmsOf(measurement).filter(({ code }) => code === 'zero-gradients');
    expect(told.length > 0).toBe(FOLLOW.includes(name));
    if (told.length > 0) expect(told[0]!.text).toMatch(new RegExp(`: ${name}.* 100.0 %`));
  });
});

describe('labels that are wrong', () => {
  const WRONG = 6;
  const labels = batch.labels.map((label, row) =>
    row < WRONG ? (label + 1) % model.prepared.classes : label,
  );

  it.each(NAMES)('%s: no image is counted as right for them, whatever it was changed to', async (name) => {
    const measurement = await run({ [name]: ATTACKS[name] }, { labels });
    const [base] = measurement.recipes;
    expect([...base!.natural.subarray(0, WRONG)]).toEqual(new Array(WRONG).fill(VERDICT.wrong));
    const report = createReport(head, measurement);
    expect(report.recipes[0]!.worst!.correct).toBeLessThanOrEqual(rows - WRONG);
    for (const { verdicts } of Object.values(base!.attacks)) expect(verdicts).toHaveLength(rows);
  });
});
