import type { Engine } from '../engine/engine.ts';
import { InputError } from '../errors.ts';
import type { Attack, Ball, Scene, StaticPoints } from './attacks/attack.ts';
import { ATTACK_SETS, ATTACKS } from './attacks/index.ts';
import { createStaticPoints } from './attacks/transfer.ts';
import type { Budget } from './budget.ts';
import { openDefence } from './defence.ts';
import { type ModelSource, openStaticNetwork, readEvaluatedModel } from './evaluated-model.ts';
import { lossStandIns } from './losses.ts';
import type { ServedRecipe } from './served-recipe.ts';
import type { Batch } from './target.ts';

/** The attacks that a list of names and sets means, each once. Throws `InputError`. */
export function chooseAttacks(list: string): Record<string, Attack> {
  const names = list.split(',').flatMap((part): readonly string[] => {
    const name = part.trim();
    if (Object.hasOwn(ATTACK_SETS, name)) return ATTACK_SETS[name]!;
    if (Object.hasOwn(ATTACKS, name)) return [name];
    const known = [...Object.keys(ATTACK_SETS), ...Object.keys(ATTACKS)].join(', ');
    throw new InputError(`There is no attack "${name}"; there are ${known}.`);
  });
  return Object.fromEntries([...new Set(names)].map((name) => [name, ATTACKS[name as keyof typeof ATTACKS]]));
}

/** Whether these are all attacks that there are. */
export const areAll = (attacks: Readonly<Record<string, Attack>>): boolean =>
  Object.keys(ATTACKS).every((name) => Object.hasOwn(attacks, name));

export interface ArenaOptions {
  readonly ball: Ball;
  readonly budget: Budget;
  readonly seed: number;
}

/** Where attacks meet recipes: what both need, opened. */
export interface Arena {
  /** What is done otherwise than an attack says, in sentences. */
  readonly notes: readonly string[];
  scene(recipe: string, batch: Batch, index: number): Omit<Scene, 'signal' | 'onProgress'>;
  release(): Promise<void>;
}

/** Opens a model for attacks on what is served of it. Rejects with `InputError` where it has no gradient. */
export async function openArena(
  engine: Engine,
  source: ModelSource,
  served: readonly ServedRecipe[],
  { ball, budget, seed }: ArenaOptions,
): Promise<Arena> {
  const model = await readEvaluatedModel(engine, source);
  const network = openStaticNetwork(engine, model);
  // Before hours of work, and not in the middle of it.
  await network.open().catch((cause: unknown) => {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError(
      `${source.name} cannot be attacked: ${cause.message} Without --attacks and --curves it can be measured.`,
      { cause },
    );
  });
  const defences = new Map(served.map((each) => [each.name, openDefence({ engine, model }, each)]));
  /** Of the batch at hand; those of batches that are through are let go. */
  let points: { readonly index: number; readonly of: StaticPoints } | undefined;
  return {
    notes: lossStandIns(model.prepared.classes),
    scene(recipe, batch, index) {
      const scene = { batch, network: network.at(), ball, budget, seed: seed + index };
      if (points?.index !== index) points = { index, of: createStaticPoints(scene) };
      return { ...scene, defence: defences.get(recipe)!, points: points.of };
    },
    async release() {
      for (const defence of defences.values()) await defence.release();
      await network.release();
    },
  };
}
