import type { Recipe } from '../dent/index.ts';
import type { Device } from '../engine/engine.ts';
import { type Advice, advise } from './advice.ts';
import { type Alarm, alarmsOf } from './alarms.ts';
import type { Norm } from './attacks/attack.ts';
import type { Budget } from './budget.ts';
import { type Figure, figureOf, isStatic, shareOf, worstOf } from './figures.ts';
import type { Measurement, RecipeRows } from './measure.ts';
import type { Difference } from './statistics.ts';

export interface RecipeReport {
  readonly name: string;
  readonly recipe: Recipe;
  /** The only field of the report that holds a time. */
  readonly msPerImage: number;
  readonly meanSteps: number;
  readonly natural: Figure;
  readonly shifts: Readonly<Record<string, Figure>>;
  readonly attacks: Readonly<Record<string, Figure>>;
  /** Row by row: right where the image is, and no attack broke it. Absent where no batch was completed. */
  readonly worst?: Figure;
  /** That of `worst`. */
  readonly gain?: Difference;
}

export interface Report {
  readonly model: string;
  readonly data: string;
  readonly images: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly device: Device;
  readonly eps?: number;
  readonly norm?: Norm;
  readonly budget?: Budget;
  /** Present where somebody has ended it early. */
  readonly partial?: true;
  readonly recipes: readonly RecipeReport[];
  readonly alarms: readonly Alarm[];
  readonly advice: readonly Advice[];
}

/** What the figures are of. */
export type ReportHead = Omit<Report, 'recipes' | 'alarms' | 'advice' | 'images'>;

const figures = (
  rows: Readonly<Record<string, Int8Array>>,
  base: Readonly<Record<string, Int8Array>> | undefined,
  seed: number,
): Record<string, Figure> =>
  Object.fromEntries(
    Object.entries(rows).map(([name, verdicts]) => [name, figureOf(verdicts, base?.[name], seed)]),
  );

const verdictsByAttack = ({ attacks }: RecipeRows): Record<string, Int8Array> =>
  Object.fromEntries(Object.entries(attacks).map(([name, { verdicts }]) => [name, verdicts]));

function reportRecipe(rows: RecipeRows, base: RecipeRows | undefined, complete: number, seed: number) {
  const worst =
    complete === 0
      ? undefined
      : figureOf(
          worstOf(rows, complete),
          base === undefined || base === rows ? undefined : worstOf(base, complete),
          seed,
        );
  return {
    name: rows.name,
    recipe: rows.recipe,
    msPerImage: rows.rows === 0 ? 0 : rows.milliseconds / rows.rows,
    meanSteps: rows.rows === 0 ? 0 : rows.steps / rows.rows,
    natural: figureOf(rows.natural, base?.natural, seed),
    shifts: figures(rows.shifts, base?.shifts, seed),
    attacks: figures(verdictsByAttack(rows), base && verdictsByAttack(base), seed),
    ...(worst && { worst }),
    ...(worst?.gain && { gain: worst.gain }),
  };
}

/** The figures of a measurement, what they warn of, and what they advise. */
export function createReport(head: ReportHead, { recipes, complete }: Measurement): Report {
  const base = recipes.find(isStatic);
  const asked = shareOf(recipes[0]!.natural).of;
  const reports = recipes.map((rows) => reportRecipe(rows, base, complete, head.seed));
  return {
    ...head,
    images: asked,
    recipes: reports,
    alarms: alarmsOf(recipes, complete, head.seed),
    advice: advise(recipes, complete, head.seed),
  };
}
