import { adapts, climbPasses, type Prospect, servingPasses, shareLeft } from '../passes.ts';
import { createRandom } from '../random.ts';
import { takeRows } from '../row-parts.ts';
import type { OpenTarget } from '../target.ts';
import { apgd, randomStart } from './apgd.ts';
import type { Attack, Outcome, Scene } from './attack.ts';
import { composite, type Joining } from './composite.ts';
import { onRows, Tally } from './run.ts';
import { attacked, inVariants, StrongestServed } from './serving.ts';
import { transfer } from './transfer.ts';

interface Rounds {
  readonly joining: Joining;
  /** Whether the networks of earlier rounds are attacked too (GMSA), or the last alone (FPA). */
  readonly keepsAll: boolean;
  readonly onProgress: (share: number) => void;
}

/** How many networks each round attacks. */
const networksOf = (rounds: number, keepsAll: boolean): number[] =>
  Array.from({ length: rounds }, (_, round) => (keepsAll ? 2 + round : 1));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The work of one way of joining; a round serves, and has the defence adapt. */
function roundsPasses({ recipe, budget: { rounds, iterations } }: Prospect, keepsAll: boolean): number {
  const serving = servingPasses(recipe);
  if (!adapts(recipe)) return serving;
  const climbs = climbPasses(iterations, sum(networksOf(rounds, keepsAll)));
  return shareLeft(recipe) * (climbs + 2 * rounds * serving);
}

/**
 * Rounds of crafting a batch, having the defence adapt to it, and attacking the network with those parameters
 * held fixed. The first batch is that of the network as it is; the strongest served batch of all rounds
 * counts. Rows that are independent are left once one of these was wrong.
 */
async function attackInRounds(
  scene: Scene,
  tally: Tally,
  { joining, keepsAll, onProgress }: Rounds,
): Promise<StrongestServed> {
  const { batch, network, defence, ball, budget, seed, points, signal } = scene;
  const strongest = new StrongestServed(scene);
  let { pixels } = await points.transfer(scene);
  await strongest.offer(pixels);
  const sizes = networksOf(budget.rounds, keepsAll);
  let rows = Array.from(batch.labels, (_, row) => row);
  let networks: OpenTarget[] = [tally.watch(network)];
  for (let round = 0; round < budget.rounds; round++) {
    const { rest } = strongest;
    if (rest.length === 0) break;
    const kept = rest.map((row) => rows.indexOf(row));
    if (rest.length < rows.length) networks = networks.map((each) => each.only(kept));
    const held = tally.watch(await defence.hold(takeRows(pixels, kept), signal && { signal }));
    networks.push(held);
    const target = keepsAll ? composite(networks, joining) : held;
    const whole = { batch, target: network, ball, random: createRandom(seed, `${joining} ${round}`), signal };
    // Drawn for all rows, so that a row begins where it would if none were left.
    const start = takeRows(randomStart(whole), rest);
    const run = {
      ...onRows(whole, rest),
      target,
      onProgress: (share: number) =>
        onProgress((sum(sizes.slice(0, round)) + share * sizes[round]!) / sum(sizes)),
    };
    ({ pixels } = await apgd(run, { loss: 'margin', iterations: budget.iterations, start }));
    await strongest.offer(pixels, rest);
    rows = rest;
  }
  return strongest;
}

const SOURCE =
  'Chen et al. 2022 (Towards Evaluating the Robustness of Neural Networks Learned by Transduction)';

/** Fixed point attack: each round attacks the network that the last one was adapted to. */
export const fpa: Attack = {
  says: 'Rounds: the defence adapts to the adversarial batch, and the network with those parameters held fixed is attacked next.',
  knows: "The model's file, the recipe and the batch.",
  source: SOURCE,
  seesAdaptation: true,
  countsForWorst: true,
  usesPoints: true,
  passes: (prospect) => roundsPasses(prospect, false),
  async run(scene) {
    if (!scene.defence.adapts) return transfer.run(scene);
    const tally = new Tally();
    const onProgress = scene.onProgress ?? (() => {});
    const found = await attackInRounds(scene, tally, { joining: 'avg', keepsAll: false, onProgress });
    return attacked([await found.outcome()], tally);
  },
};

const JOININGS = ['avg', 'min'] as const satisfies readonly Joining[];

/**
 * Greedy model space attack: each round attacks the networks of all rounds before it, by the sum of losses or
 * by the least.
 */
export const gmsa: Attack = {
  ...fpa,
  says: 'Rounds as in fpa, but each attacks the networks of all rounds before it: by the sum of their losses (avg), and each row by the one that resists most (min).',
  passes: (prospect) => 2 * roundsPasses(prospect, true),
  async run(scene) {
    if (!scene.defence.adapts) {
      const { outcomes, ...cost } = await transfer.run(scene);
      return { ...cost, outcomes: inVariants(outcomes[0]!, JOININGS) };
    }
    const tally = new Tally();
    const outcomes: Outcome[] = [];
    for (const [i, joining] of JOININGS.entries()) {
      const onProgress = (share: number) => scene.onProgress?.((i + share) / 2);
      const found = await attackInRounds(scene, tally, { joining, keepsAll: true, onProgress });
      outcomes.push(await found.outcome(joining));
    }
    return attacked(outcomes, tally);
  },
};
