import type { Recipe } from '../dent/index.ts';
import { answersOf } from './answers.ts';
import { type AttackRows, figureName, noRows, unasked, withOutcome } from './attack-rows.ts';
import { type Attack, type Attacked, type Outcome, type Scene, VERDICT } from './attacks/attack.ts';
import type { Budget } from './budget.ts';
import type { LabelledFile } from './dataset.ts';
import { type CurveRows, type CurvesPlan, curveFiles, curvePieces, measureCurves } from './measure-curves.ts';
import type { Piece } from './pace.ts';
import { gradientAttackPasses, servingPasses } from './passes.ts';
import type { ServedRecipe } from './served-recipe.ts';
import { applyShift } from './shifts/index.ts';
import type { Batch } from './target.ts';

/** What images are measured under beside shifts and attacks: as they are. */
export const NATURAL = 'natural';

/** What is to be measured, of which images. */
export interface Plan {
  /** In the order in which they are cut into batches. */
  readonly files: readonly LabelledFile[];
  readonly batchSize: number;
  readonly seed: number;
  readonly shifts: readonly string[];
  /** By name, in the order in which they are run. */
  readonly attacks: Readonly<Record<string, Attack>>;
  /** What the attacks may try. */
  readonly budget: Budget;
  /** Measured last, on a few of the images. */
  readonly curves: CurvesPlan;
}

/** A batch that was served under a recipe, for those who keep it. */
export interface ServedEvent {
  readonly kind: 'natural' | 'shift' | 'attack';
  /** `natural`, or the name of the shift or the attack. */
  readonly condition: string;
  readonly recipe: string;
  /** The number of the batch. */
  readonly batch: number;
  /** As it was served. */
  readonly served: Outcome['served'][number];
  /** The fixed batch as it is in the files. */
  readonly original: Batch;
}

export interface Means {
  readonly recipes: readonly ServedRecipe[];
  readBatch(files: readonly LabelledFile[]): Promise<Batch>;
  /** What an attack on `recipe` is given. Not asked where there are no attacks. */
  scene(recipe: string, batch: Batch, index: number): Omit<Scene, 'signal' | 'onProgress'>;
  /** Hears what is begun, how far it is, and that it is done. */
  readonly progress: {
    begin(what: string): void;
    share(share: number): void;
    end(): void;
  };
  onServed(event: ServedEvent): Promise<void> | void;
  /** Aborted where what is done is to be enough. */
  readonly signal: AbortSignal;
}

/** What became of each image under a recipe: a `VERDICT` for each, by condition. */
export interface RecipeRows {
  readonly name: string;
  readonly recipe: Recipe;
  readonly natural: Int8Array;
  readonly shifts: Record<string, Int8Array>;
  readonly attacks: Record<string, AttackRows>;
  /** Sums over the images as they are. */
  readonly rows: number;
  readonly steps: number;
  readonly milliseconds: number;
}

export interface Measurement {
  readonly recipes: readonly RecipeRows[];
  /** Images for which everything was done. */
  readonly complete: number;
  /** The class of each image, and how many there are. */
  readonly labels: Int32Array;
  readonly classes: number;
  readonly curves: readonly CurveRows[];
  /** Whether the model as it is answered the first batch otherwise when it was asked again. */
  readonly varies: boolean;
}

const batchesOf = ({ files, batchSize }: Plan): (readonly LabelledFile[])[] =>
  Array.from({ length: Math.ceil(files.length / batchSize) }, (_, i) =>
    files.slice(i * batchSize, (i + 1) * batchSize),
  );

/** The attacks on one batch; the first that wants the points of `transfer` makes them for all. */
function attackPieces(plan: Plan, recipes: readonly ServedRecipe[], length: number): Piece[] {
  const { attacks, budget } = plan;
  let points = gradientAttackPasses(budget);
  return Object.entries(attacks).flatMap(([attack, { passes, usesPoints }]) =>
    recipes.map(({ name, recipe }) => {
      const weight = length * (passes({ recipe, budget }) + (usesPoints ? points : 0));
      if (usesPoints) points = 0;
      return { kind: `${attack} on ${name} of ${length}`, weight };
    }),
  );
}

/**
 * The pieces of a plan in the order in which `measure` does them, for the one who tells how long it will
 * take.
 */
export function piecesOf(plan: Plan, recipes: readonly ServedRecipe[]): Piece[] {
  const pieces = batchesOf(plan).flatMap(({ length }) => [
    ...[NATURAL, ...plan.shifts].flatMap(() =>
      recipes.map(({ name, recipe }) => ({
        kind: `${name} of ${length}`,
        weight: length * servingPasses(recipe),
      })),
    ),
    ...attackPieces(plan, recipes, length),
  ]);
  return [...pieces, ...curvePieces(plan.curves, curveFiles(plan.files, plan.batchSize).length)];
}

interface OpenRows extends RecipeRows {
  rows: number;
  steps: number;
  milliseconds: number;
}

const verdictsOf = (answers: Int32Array, labels: Int32Array): Int8Array =>
  Int8Array.from(answers, (answer, row) => (answer === labels[row] ? VERDICT.right : VERDICT.wrong));

/** One batch on its way through the plan. */
interface Step {
  readonly plan: Plan;
  readonly means: Means;
  readonly rows: readonly OpenRows[];
  readonly batch: Batch;
  readonly index: number;
  readonly first: number;
}

/**
 * Serves the batch, as it is or shifted, under every recipe, and then enters the verdicts of all: figures of
 * recipes are of the same images.
 */
async function measureShift(step: Step, shift?: string): Promise<void> {
  const { plan, means, rows, batch, index, first } = step;
  const condition = shift ?? NATURAL;
  const kind = shift === undefined ? 'natural' : 'shift';
  const pixels =
    shift === undefined ? batch.images : await applyShift(shift, batch.images, { seed: plan.seed, first });
  const outcomes: { verdicts: Int8Array; steps: number; milliseconds: number }[] = [];
  for (const { name, serve } of means.recipes) {
    means.progress.begin(shift === undefined ? `${name}, images as they are` : `${name}, ${shift}`);
    const began = performance.now();
    const { logits, steps } = await serve(pixels, means.signal);
    const milliseconds = performance.now() - began;
    means.progress.end();
    const answers = answersOf(logits);
    const rows = Array.from(answers.keys());
    const served = { pixels, labels: batch.labels, rows, answers };
    await means.onServed({ kind, condition, recipe: name, batch: index, served, original: batch });
    const verdicts = verdictsOf(answers, batch.labels);
    outcomes.push({ verdicts, steps: steps.reduce((sum, each) => sum + each, 0), milliseconds });
  }
  for (const [i, { verdicts, steps, milliseconds }] of outcomes.entries()) {
    const to = rows[i]!;
    (shift === undefined ? to.natural : to.shifts[shift]!).set(verdicts, first);
    if (shift !== undefined) continue;
    to.rows += verdicts.length;
    to.steps += steps;
    to.milliseconds += milliseconds;
  }
}

/** What an attack did to a batch, and to which. */
interface Met extends Attacked {
  readonly scene: Scene;
}

async function measureAttack(step: Step, name: string, attack: Attack): Promise<void> {
  const { means, rows, batch, index, first } = step;
  const results: Met[] = [];
  for (const { name: recipe } of means.recipes) {
    means.progress.begin(`${name} on ${recipe}`);
    const { share: onProgress } = means.progress;
    const scene = { ...means.scene(recipe, batch, index), signal: means.signal, onProgress };
    const attacked = await attack.run(scene);
    means.signal.throwIfAborted();
    means.progress.end();
    for (const outcome of attacked.outcomes) {
      for (const served of outcome.served) {
        const condition = figureName(name, outcome);
        await means.onServed({ kind: 'attack', condition, recipe, batch: index, served, original: batch });
      }
    }
    results.push({ ...attacked, scene });
  }
  for (const [i, { outcomes, scene, ...cost }] of results.entries()) {
    const { attacks, natural } = rows[i]!;
    for (const outcome of outcomes) {
      const figure = figureName(name, outcome);
      const known = attacks[figure] ?? noRows(attack, natural.length);
      attacks[figure] = withOutcome(known, outcome, { scene, cost, first });
    }
  }
}

async function measureBatch(step: Step): Promise<void> {
  const { plan, means } = step;
  await measureShift(step);
  for (const shift of plan.shifts) {
    means.signal.throwIfAborted();
    await measureShift(step, shift);
  }
  for (const [name, attack] of Object.entries(plan.attacks)) {
    means.signal.throwIfAborted();
    await measureAttack(step, name, attack);
  }
}

/** What computing the same sums in another order may change, as a part of the largest logit. */
const ROUNDING = 1e-4;

/** Whether a recipe answers a batch otherwise when it is asked again: by chance, or by what it remembers. */
async function answersVary(
  { serve }: ServedRecipe,
  { images }: Batch,
  signal: AbortSignal,
): Promise<boolean> {
  const { logits: first } = await serve(images, signal);
  const { logits: second } = await serve(images, signal);
  const large = first.data.reduce((most, logit) => Math.max(most, Math.abs(logit)), 1);
  return first.data.some((logit, i) => Math.abs(logit - second.data[i]!) > ROUNDING * large);
}

/**
 * Measures recipes on the same fixed batches, batch by batch, so that no more than one batch is in memory and
 * what is done when somebody interrupts it is complete for the images that it is of.
 */
export async function measure(plan: Plan, means: Means): Promise<Measurement> {
  const count = plan.files.length;
  const rows = means.recipes.map(
    ({ name, recipe }): OpenRows => ({
      name,
      recipe,
      natural: unasked(count),
      shifts: Object.fromEntries(plan.shifts.map((shift) => [shift, unasked(count)])),
      attacks: {},
      rows: 0,
      steps: 0,
      milliseconds: 0,
    }),
  );
  let first = 0;
  let varies = false;
  const curves: CurveRows[] = [];
  const batches = batchesOf(plan);
  try {
    for (const [index, files] of batches.entries()) {
      const batch = await means.readBatch(files);
      if (index === 0) varies = await answersVary(means.recipes[0]!, batch, means.signal);
      await measureBatch({ plan, means, rows, batch, index, first });
      first += files.length;
    }
    if (plan.curves.curves.length > 0) {
      const batch = await means.readBatch(curveFiles(plan.files, plan.batchSize));
      for await (const curve of measureCurves(plan.curves, means, batch, batches.length)) curves.push(curve);
    }
  } catch (error) {
    // The engine is closed under what was running, which fails in its own words.
    if (!means.signal.aborted) throw error;
  }
  const labels = Int32Array.from(plan.files, ({ label }) => label);
  const [{ classes }] = means.recipes as readonly [ServedRecipe, ...ServedRecipe[]];
  return { recipes: rows, complete: first, labels, classes, curves, varies };
}
