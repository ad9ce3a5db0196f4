import { ALONG, budgetVerdict, HOW_CURVES } from '../curve-words.ts';
import { CURVES, type CurveName } from '../curves.ts';
import type { Curve, CurvePoint, Report } from '../report.ts';
import { number } from './axes.ts';
import { lineChart, type Series } from './line-chart.ts';
import { escaped, percent } from './markup.ts';

/** Fewer points are what an alarm needs, and no curve. */
const FEWEST_POINTS = 3;

const lineOf = (name: string, points: readonly CurvePoint[], of: (point: CurvePoint) => number): Series => ({
  name,
  points: points.map((point) => ({ x: point.at, y: of(point) })),
});

/** For the updates of a recipe, images as they are too: more updates may cost there what they gain. */
const seriesOf = ({ along, recipe, points }: Curve): Series[] => [
  lineOf(recipe, points, ({ accuracy }) => accuracy),
  ...(along === 'steps' ? [lineOf(`${recipe}, as is`, points, ({ natural }) => natural.accuracy)] : []),
];

const label = (along: CurveName, at: number, curve: Curve): string =>
  `${along === 'eps' ? number(at) : at}${at === curve.own ? ' *' : ''}`;

/** The numbers of one curve; the place of the other figures of the report has a star. */
function table(curve: Curve): string {
  const { along, recipe, points } = curve;
  const rows = points.map(({ at, accuracy, interval: [low, high], natural }) => {
    const asIs = along === 'steps' ? `<td>${percent(natural.accuracy)}</td>` : '';
    return `<tr><th scope="row">${label(along, at, curve)}</th><td>${percent(accuracy)}</td><td>${percent(low)} to ${percent(high)}</td>${asIs}</tr>`;
  });
  const asIs = along === 'steps' ? '<th scope="col">as they are</th>' : '';
  return `<table class="small"><caption>${escaped(recipe)}</caption><thead><tr><th scope="col">${ALONG[along]}</th><th scope="col">right</th><th scope="col">95 %</th>${asIs}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** Accuracy against eps, against steps of the attack, and against updates of recipes. Empty where none is. */
export function curveParts({ curves = [], norm }: Report): string[] {
  const images = curves[0]?.points[0]?.of ?? 0;
  const parts = CURVES.flatMap((along) => {
    const own = curves.filter((each) => each.along === along && each.points.length >= FEWEST_POINTS);
    if (own.length === 0) return [];
    const axes = {
      title: `Accuracy against ${ALONG[along]}`,
      xLabel: along === 'eps' ? `eps in ${norm}` : ALONG[along],
      yLabel: `% right, of ${images}`,
      logarithmic: true,
    };
    const chart = lineChart(own.flatMap(seriesOf), axes);
    return [chart, `<div class="tables">${own.map(table).join('\n')}</div>`];
  });
  const verdicts = curves.flatMap((curve) => budgetVerdict(curve) ?? []);
  const budget =
    verdicts.length === 0
      ? ''
      : `<h3>Is the budget large enough?</h3><ul>${verdicts.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul>`;
  if (parts.length === 0 && budget === '') return [];
  return [
    `<p class="soft">The first ${images} images, in a batch of their own. ${escaped(HOW_CURVES)} A star marks where the other figures of this report are.</p>`,
    budget,
    ...parts,
  ];
}
