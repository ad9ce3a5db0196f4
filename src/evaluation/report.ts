import type { Recipe } from '../dent/index.ts';
import type { Device } from '../engine/engine.ts';
import { type Advice, advise } from './advice.ts';
import { type Alarm, alarmsOf } from './alarms.ts';
import { attackOf } from './attack-rows.ts';
import { type Norm, type Stage, VERDICT } from './attacks/attack.ts';
import type { Budget } from './budget.ts';
import type { CurveName } from './curves.ts';
import { type Figure, figureOf, gainOf, isStatic, type Share, shareOf, worstOf } from './figures.ts';
import type { Measurement, RecipeRows } from './measure.ts';
import type { CurveRows } from './measure-curves.ts';
import type { Difference } from './statistics.ts';

export interface AttackFigure extends Figure {
  /**
   * How many images the network that was searched had right after each search, one after the other; absent
   * where there was one alone.
   */
  readonly stages?: readonly Stage[];
}

export interface RecipeReport {
  readonly name: string;
  readonly recipe: Recipe;
  /** The only field of the report that holds a time. */
  readonly msPerImage: number;
  readonly meanSteps: number;
  readonly natural: Figure;
  readonly shifts: Readonly<Record<string, Figure>>;
  readonly attacks: Readonly<Record<string, AttackFigure>>;
  /** Row by row: right where the image is, and no attack broke it. Absent where no batch was completed. */
  readonly worst?: Figure;
  /** That of `worst`. */
  readonly gain?: Difference;
}

/** An accuracy at one point of a curve. */
export interface CurvePoint extends Share {
  readonly at: number;
  /** As they are, under what was served at this point. */
  readonly natural: Share;
  /** The paired difference to where the other figures of the report are; absent there. */
  readonly change?: Difference;
}

/** Accuracy on a few images, against what makes an attack or a recipe stronger. */
export interface Curve {
  readonly along: CurveName;
  readonly recipe: string;
  /** Where the other figures of the report are. */
  readonly own: number;
  readonly points: readonly CurvePoint[];
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
  /** What else is to be known of how it was measured, in sentences; absent where there is nothing. */
  readonly notes?: readonly string[];
  readonly recipes: readonly RecipeReport[];
  /** Absent where there are none. */
  readonly curves?: readonly Curve[];
  readonly alarms: readonly Alarm[];
  readonly advice: readonly Advice[];
}

/** What the figures are of. */
export type ReportHead = Omit<Report, 'recipes' | 'curves' | 'alarms' | 'advice' | 'images'>;

const figures = (
  rows: Readonly<Record<string, Int8Array>>,
  base: Readonly<Record<string, Int8Array>> | undefined,
  seed: number,
): Record<string, Figure> =>
  Object.fromEntries(
    Object.entries(rows).map(([name, verdicts]) => [name, figureOf(verdicts, base?.[name], seed)]),
  );

function attackFigures(rows: RecipeRows, base: RecipeRows | undefined, seed: number) {
  const others = base === undefined || base === rows ? undefined : verdictsByAttack(base);
  const all = figures(verdictsByAttack(rows), others, seed);
  return Object.fromEntries(
    Object.entries(all).map(([name, figure]): [string, AttackFigure] => {
      const { stages = [] } = rows.attacks[name] ?? {};
      return [name, stages.length === 0 ? figure : { ...figure, stages }];
    }),
  );
}

/** Wrong where a row is wrong in one of them, and not asked about where it is so in both. */
const worse = (some: Int8Array, others: Int8Array): Int8Array =>
  some.map((verdict, row) => {
    const other = others[row]!;
    if (verdict === VERDICT.unasked || other === VERDICT.unasked) return Math.max(verdict, other);
    return Math.min(verdict, other);
  });

/** The figures of attacks; before those of one that has several the worst of them, under its own name. */
function verdictsByAttack({ attacks }: RecipeRows): Record<string, Int8Array> {
  const all: Record<string, Int8Array> = {};
  for (const [figure, { verdicts }] of Object.entries(attacks)) {
    const attack = attackOf(figure);
    const known = all[attack];
    all[attack] = known === undefined ? verdicts : worse(known, verdicts);
    all[figure] = verdicts;
  }
  return all;
}

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
    attacks: attackFigures(rows, base, seed),
    ...(worst && { worst }),
    ...(worst?.gain && { gain: worst.gain }),
  };
}

function reportCurve({ along, recipe, own, points }: CurveRows, seed: number): Curve {
  const here = points.find(({ at }) => at === own);
  return {
    along,
    recipe,
    own,
    points: points.map((point) => ({
      at: point.at,
      ...shareOf(point.verdicts),
      natural: shareOf(point.natural),
      ...(here && here !== point && { change: gainOf(point.verdicts, here.verdicts, seed) }),
    })),
  };
}

/** The figures of a measurement, what they warn of, and what they advise. */
export function createReport(head: ReportHead, measurement: Measurement): Report {
  const { recipes, complete, curves } = measurement;
  const base = recipes.find(isStatic);
  const asked = shareOf(recipes[0]!.natural).of;
  const alarms = alarmsOf(measurement, head.seed);
  const reports = recipes.map((rows) => reportRecipe(rows, base, complete, head.seed));
  return {
    ...head,
    images: asked,
    recipes: reports,
    ...(curves.length > 0 && { curves: curves.map((curve) => reportCurve(curve, head.seed)) }),
    alarms,
    advice: advise(recipes, { complete, alarms, seed: head.seed }),
  };
}
