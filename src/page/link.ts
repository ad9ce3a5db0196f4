import { EFFECTS, type Effects, NONE } from './effects.ts';

/**
 * What a link restores. A picture of one's own is not in it: it never leaves for anything but a prediction.
 */
export interface View {
  readonly example?: string | undefined;
  readonly model?: string;
  /** A recipe's name; '' for all of them side by side. */
  readonly recipe?: string;
  readonly effects: Effects;
  readonly seed: number;
}

const ALL = 'all';
const clamp = (value: number, max: number): number =>
  Number.isFinite(value) ? Math.min(max, Math.max(0, value)) : 0;

/** The part of an address after `#`. What it has no use for it passes over. */
export function readLink(hash: string): View {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const [example, model, recipe] = ['example', 'model', 'recipe'].map(
    (name) => fields.get(name) ?? undefined,
  );
  const values = EFFECTS.map(({ name, max }) => [name, clamp(Number(fields.get(name) ?? 0), max)]);
  const isAll = fields.get('view') === ALL;
  return {
    ...(example !== undefined && { example }),
    ...(model !== undefined && { model }),
    ...(isAll ? { recipe: '' } : recipe !== undefined && { recipe }),
    effects: { ...NONE, ...Object.fromEntries(values) },
    seed: clamp(Math.floor(Number(fields.get('seed') ?? 1)), 2 ** 31),
  };
}

export function writeLink({ example, model, recipe, effects, seed }: View): string {
  const fields = new URLSearchParams();
  if (example !== undefined) fields.set('example', example);
  if (model !== undefined) fields.set('model', model);
  if (recipe === '') fields.set('view', ALL);
  else if (recipe !== undefined) fields.set('recipe', recipe);
  for (const { name } of EFFECTS) if (effects[name] > 0) fields.set(name, `${effects[name]}`);
  if (effects.noise + effects.salt > 0) fields.set('seed', `${seed}`);
  return `#${fields}`;
}
