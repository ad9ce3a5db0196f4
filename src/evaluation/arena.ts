import type { Recipe } from '../dent/index.ts';
import type { Engine } from '../engine/engine.ts';
import { InputError } from '../errors.ts';
import type { Attack, Ball, Scene, StaticPoints } from './attacks/attack.ts';
import { ATTACK_SETS, ATTACKS } from './attacks/index.ts';
import { createStaticPoints } from './attacks/transfer.ts';
import type { Budget } from './budget.ts';
import { openDefence } from './defence.ts';
import { type ModelSource, openStaticNetwork, readEvaluatedModel } from './evaluated-model.ts';
import type { Batch, Defence } from './target.ts';

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

export interface ArenaOptions {
  readonly ball: Ball;
  readonly budget: Budget;
  readonly seed: number;
}

/** Where attacks meet recipes: what both need, opened. */
export interface Arena {
  scene(recipe: string, batch: Batch, index: number): Omit<Scene, 'signal' | 'onProgress'>;
  release(): Promise<void>;
}

/** Opens a model for attacks under each recipe. Rejects with `InputError` where it cannot be attacked. */
export async function openArena(
  engine: Engine,
  source: ModelSource,
  recipes: Readonly<Record<string, Recipe>>,
  { ball, budget, seed }: ArenaOptions,
): Promise<Arena> {
  const model = await readEvaluatedModel(engine, source);
  const network = openStaticNetwork(engine, model);
  const defences = new Map<string, Defence>();
  async function release(): Promise<void> {
    for (const defence of defences.values()) await defence.release();
    await network.release();
  }
  try {
    for (const [name, recipe] of Object.entries(recipes)) {
      defences.set(name, await openDefence({ engine, model }, name, recipe));
    }
  } catch (error) {
    await release();
    throw error;
  }
  /** Of the batch at hand; those of batches that are through are let go. */
  let points: { readonly index: number; readonly of: StaticPoints } | undefined;
  return {
    scene(recipe, batch, index) {
      const scene = { batch, network: network.at(), ball, budget, seed: seed + index };
      if (points?.index !== index) points = { index, of: createStaticPoints(scene) };
      return { ...scene, defence: defences.get(recipe)!, points: points.of };
    },
    release,
  };
}
