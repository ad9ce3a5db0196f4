import { stopsRows } from './recipe.ts';
import type { Recipe } from './recipe-fields.ts';

type Stops = Pick<Recipe, 'gate' | 'floor'>;

/**
 * A share of ln K, the largest entropy of K classes, in nats, as the float32 that the graph compares with.
 */
const nats = (share: number | 'off', classes: number): number =>
  Math.fround((share === 'off' ? 0 : share) * Math.log(classes));

/** The least entropy, in nats, for a row's first update and for each later one. */
export function leastEntropies({ gate, floor }: Stops, classes: number): readonly [number, number] {
  const later = nats(floor, classes);
  return [Math.max(nats(gate, classes), later), later];
}

/**
 * How many updates a row has made, judged by its entropies before each update and after the last one, in
 * nats. The graph stops rows by the same numbers.
 */
export function updatesMade(entropy: Float32Array, recipe: Stops, classes: number): number {
  if (!stopsRows(recipe)) return entropy.length - 1;
  const [first, later] = leastEntropies(recipe, classes);
  const made = entropy.findIndex((nats, update) => !(nats >= (update === 0 ? first : later)));
  return made === -1 ? entropy.length - 1 : Math.min(made, entropy.length - 1);
}

/**
 * When a row stopped: at the `gate` before its first update, also where `floor` alone decides there, or at
 * the `floor` before a later one.
 */
export type StoppedBy = 'gate' | 'floor';

/** What kept a row that has made `made` updates from more; undefined where nothing did. */
export function stoppedBy(made: number, { steps }: Pick<Recipe, 'steps'>): StoppedBy | undefined {
  if (made >= steps) return undefined;
  return made === 0 ? 'gate' : 'floor';
}
