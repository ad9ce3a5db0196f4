import { ALONG, budgetVerdict, howCurves } from '../curve-words.ts';
import { CURVES, type CurveName } from '../curves.ts';
import type { Curve, CurvePoint, Report } from '../report.ts';
import { mark, number } from './axes.ts';
import { lineChart, type Series } from './line-chart.ts';
import { escaped } from './markup.ts';

/** Fewer points are what an alarm needs, and no curve. */
const FEWEST_POINTS = 3;

/** A curve, with the shape that its recipe has in all plots. */
interface Drawn {
  readonly curve: Curve;
  readonly shape: number;
}

const pointsOf = (points: readonly CurvePoint[], of: (point: CurvePoint) => number): Series['points'] =>
  points.map((point) => ({ x: point.at, y: of(point) }));

/** For the updates of a recipe, images as they are too: more updates may cost there what they gain. */
const seriesOf = ({ curve: { along, recipe, points }, shape }: Drawn): Series[] => [
  { name: recipe, shape, points: pointsOf(points, ({ accuracy }) => accuracy) },
  ...(along === 'steps'
    ? [
        {
          name: 'as is',
          shape,
          isOpen: true,
          points: pointsOf(points, ({ natural }) => natural.accuracy),
        },
      ]
    : []),
];

/** As people write an eps: in pixels of 255 where it bounds each pixel. */
const labelOf = (along: CurveName, norm: Report['norm'], at: number): string =>
  along === 'eps' && norm === 'linf' ? number(255 * at) : number(at);

const inPercent = (value: number): string => (100 * value).toFixed(1);

function cell({ along, own, points }: Curve, at: number): string {
  const point = points.find((each) => each.at === at);
  if (point === undefined) return '<td>–</td>';
  const { accuracy, interval, natural } = point;
  const asIs = along === 'steps' ? `<small>as is ${inPercent(natural.accuracy)}</small>` : '';
  const star = at === own ? ' *' : '';
  return `<td><b>${inPercent(accuracy)}</b>${star}<small>${interval.map((each) => (100 * each).toFixed(0)).join('–')}</small>${asIs}</td>`;
}

/** A recipe's mark beside its name. */
const key = (shape: number): string =>
  `<svg class="key" viewBox="-6 -6 12 12" aria-hidden="true">${mark(shape, 0, 0)}</svg>`;

/** The numbers of the curves, a column for each recipe. */
function table(
  along: CurveName,
  drawn: readonly Drawn[],
  label: (at: number) => string,
  what: string,
): string {
  const curves = drawn.map(({ curve }) => curve);
  const values = [...new Set(curves.flatMap(({ points }) => points.map(({ at }) => at)))].sort(
    (a, b) => a - b,
  );
  const rows = values.map(
    (at) => `<tr><th scope="row">${label(at)}</th>${curves.map((curve) => cell(curve, at)).join('')}</tr>`,
  );
  const names = drawn
    .map(({ curve, shape }) => `<th scope="col">${key(shape)}${escaped(curve.recipe)}</th>`)
    .join('');
  return `<table class="numbers"><caption>${escaped(ALONG[along])} <small>% right, 95 %</small></caption><thead><tr><th scope="col">${escaped(what)}</th>${names}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** Accuracy against one thing, drawn and in numbers. Empty where it was not measured. */
function curveOf(along: CurveName, { curves = [], recipes, norm }: Report): string {
  const own = curves
    .filter((each) => each.along === along && each.points.length >= FEWEST_POINTS)
    .map((curve) => ({ curve, shape: recipes.findIndex(({ name }) => name === curve.recipe) }));
  if (own.length === 0) return '';
  const label = (at: number): string => labelOf(along, norm, at);
  const what = along === 'eps' ? (norm === 'linf' ? 'eps, of 255' : 'eps in l2') : ALONG[along];
  const axes = {
    title: `Accuracy against ${ALONG[along]}`,
    xLabel: what,
    yLabel: `% right, of ${own[0]!.curve.points[0]!.of}`,
    logarithmic: true,
  };
  const chart = lineChart(own.flatMap(seriesOf), axes, label);
  return `<div class="plots">${chart}${table(along, own, label, what)}</div>`;
}

/** Accuracy against eps, against steps of the attack, and against updates of recipes. */
export function curveParts(report: Report): string[] {
  const { curves = [] } = report;
  const verdicts = curves.flatMap((curve) => budgetVerdict(curve) ?? []);
  if (verdicts.length === 0) return [];
  const images = curves[0]!.points[0]!.of;
  return [
    `<p class="soft">${escaped(howCurves(images))}</p>`,
    `<h3>Is the budget large enough?</h3><ul>${verdicts.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul>`,
    ...CURVES.map((along) => curveOf(along, report)),
    '<p class="soft">* where the other figures of this report are.</p>',
  ];
}
