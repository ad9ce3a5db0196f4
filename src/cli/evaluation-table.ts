import {
  AIM_NAMES,
  ALONG,
  type Alarm,
  ballText,
  budgetText,
  budgetVerdict,
  CURVES,
  type Curve,
  type CurveName,
  type Figure,
  howCurves,
  type RecipeReport,
  type Report,
  timeText,
} from '../evaluation/index.ts';
import type { Replayed } from './replay.ts';
import { formatTable } from './table.ts';

const percent = (share: number): string => (100 * share).toFixed(1);

/** With how many images it is of, where these are not `all`. */
const figure = ({ accuracy, interval: [low, high], of }: Omit<Figure, 'gain'>, all: number): string =>
  of === 0 ? '-' : `${percent(accuracy)} (${percent(low)}-${percent(high)})${of === all ? '' : ` of ${of}`}`;

const signed = (points: number): string => `${points < 0 ? '' : '+'}${points.toFixed(1)}`;

const gain = ({ gain: difference }: Pick<RecipeReport, 'gain'>): string => {
  if (difference === undefined) return '';
  const { points, interval } = difference;
  return `${signed(points)} (${signed(interval[0])} to ${signed(interval[1])})`;
};

/**
 * A row for each condition, a column for each recipe: that is what fits a terminal when there are many
 * conditions.
 */
function table({ recipes, images }: Report): string {
  const [first] = recipes as readonly [RecipeReport, ...RecipeReport[]];
  const row = (name: string, of: (each: RecipeReport) => Figure | undefined): string[] => [
    name,
    ...recipes.map((each) => {
      const found = of(each);
      return found === undefined ? '-' : figure(found, images);
    }),
  ];
  const attacks = Object.keys(first.attacks);
  const worst =
    attacks.length === 0
      ? []
      : [row('worst of attacks', (each) => each.worst), ['  gain, points', ...recipes.map(gain)]];
  return formatTable([
    ['% right (95 %)', ...recipes.map(({ name }) => name)],
    row('images as they are', ({ natural }) => natural),
    ['  gain, points', ...recipes.map(({ natural }) => gain(natural))],
    ...Object.keys(first.shifts).map((name) => row(name, ({ shifts }) => shifts[name])),
    ...attacks.map((name) => row(name, (each) => each.attacks[name])),
    ...worst,
    ['mean steps', ...recipes.map(({ meanSteps }) => meanSteps.toFixed(2))],
    ['ms for an image', ...recipes.map(({ msPerImage }) => msPerImage.toPrecision(3))],
  ]);
}

const alarmLines = (alarms: readonly Alarm[]): string =>
  alarms.length === 0 ? '' : `\nAlarms:\n${alarms.map(({ code, text }) => `- ${code}: ${text}\n`).join('')}`;

function adviceLines({ advice, recipes }: Report): string {
  if (advice.length === 0) return '';
  const [base] = recipes as readonly [RecipeReport, ...RecipeReport[]];
  const lines = advice.map((each) => {
    const { aim, recipe, because, manifest } = each;
    return `- for ${AIM_NAMES[aim]}: ${recipe}. ${because}${timeText(each, base)}\n  ${JSON.stringify(manifest)}\n`;
  });
  return `\nAdvice (what stands below each goes into model.json):\n${lines.join('')}`;
}

/** What the figures are of, in a line. */
function headLine({ model, images, batchSize, seed, eps, norm, budget, partial }: Report): string {
  const attack = eps === undefined || norm === undefined ? '' : `, attacks ${ballText({ eps, norm })}`;
  const spent = budget === undefined ? '' : ` ${budgetText(budget)}`;
  const ended = partial ? ' PARTIAL: it was ended early, and figures are of the images that were done.' : '';
  return `${model}: ${images} ${images === 1 ? 'image' : 'images'} in batches of ${batchSize}, seed ${seed}${attack}.${spent}${ended}`;
}

const numberText = (value: number): string => String(Number(value.toPrecision(3)));

/** A row for each point of the curves along one thing, a column for each recipe. */
function curveTable(along: CurveName, curves: readonly Curve[]): string {
  const values = [...new Set(curves.flatMap(({ points }) => points.map(({ at }) => at)))].sort(
    (a, b) => a - b,
  );
  return formatTable([
    [ALONG[along], ...curves.map(({ recipe }) => recipe)],
    ...values.map((value) => [
      numberText(value),
      ...curves.map(({ points }) => {
        const point = points.find(({ at }) => at === value);
        return point === undefined ? '-' : figure(point, point.of);
      }),
    ]),
  ]);
}

/** Curves with their verdict on the budget. */
function curveLines({ curves = [] }: Report): string {
  if (curves.length === 0) return '';
  const tables = CURVES.flatMap((along) => {
    const own = curves.filter((curve) => curve.along === along);
    return own.length === 0 ? [] : [curveTable(along, own)];
  });
  const verdicts = curves.flatMap((curve) => budgetVerdict(curve) ?? []);
  const images = curves[0]!.points[0]!.of;
  const lines = verdicts.map((verdict) => `- ${verdict}\n`).join('');
  return `\n${howCurves(images)}\n\n${tables.join('\n')}\nIs the budget large enough?\n${lines}`;
}

/** What each search of an attack has left of the network that it searched. */
function stageLines({ recipes, images }: Report): string {
  const [{ attacks }] = recipes as readonly [RecipeReport, ...RecipeReport[]];
  const stages = attacks.transfer?.stages;
  if (stages === undefined) return '';
  const each = stages.map(({ name, right }) => `${name} ${percent(right / images)}`).join(', ');
  return `\nThe network as it is, % right after each search of transfer: ${each}.\n`;
}

const noteLines = ({ notes = [] }: Report): string => notes.map((note) => `\n${note}\n`).join('');

/** The report for a terminal. */
export const evaluationText = (report: Report): string =>
  [
    `${headLine(report)}\n\n${table(report)}`,
    stageLines(report),
    noteLines(report),
    curveLines(report),
    alarmLines(report.alarms),
    adviceLines(report),
  ].join('');

/** What a server answered to saved batches, for a terminal. */
export function replayText(replayed: readonly Replayed[]): string {
  const share = (correct: number, rows: number): string => (rows === 0 ? '-' : `${percent(correct / rows)}`);
  const rows = replayed.map(
    ({ condition, recipe, rows: count, savedCorrect, correct, differ, inOtherBatches }) => [
      condition,
      recipe,
      String(count),
      share(savedCorrect, count),
      share(correct, count),
      String(differ),
      String(inOtherBatches),
    ],
  );
  const heading = [
    'condition',
    'recipe',
    'rows',
    '% saved',
    '% by HTTP',
    'answers that differ',
    'rows in other batches',
  ];
  return formatTable([heading, ...rows]);
}
