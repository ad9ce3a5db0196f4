import { toPng } from '../../images/index.ts';
import { AIM_NAMES, timeText } from '../advice.ts';
import { attackOf } from '../attack-rows.ts';
import { ballText } from '../ball.ts';
import { budgetText } from '../budget.ts';
import type { Example } from '../examples.ts';
import type { Figure } from '../figures.ts';
import type { RecipeReport, Report } from '../report.ts';
import { SHIFTS } from '../shifts/index.ts';
import { curveParts } from './curves.ts';
import { intervalTable, type Line } from './interval-table.ts';
import { escaped, percent } from './markup.ts';
import { scatter } from './scatter.ts';
import { STYLE } from './style.ts';

/** What the page shows beside the report. */
export interface PageParts {
  readonly examples: readonly Example[];
  /** Of the classes. */
  readonly labels: readonly string[];
  /** What each attack does. */
  readonly attacks: Readonly<Record<string, string>>;
}

const section = (heading: string, ...parts: readonly string[]): string =>
  parts.every((part) => part === '')
    ? ''
    : `<section><h2>${escaped(heading)}</h2>\n${parts.join('\n')}</section>`;

/** On one line as long as it fits, and broken between fields where it does not. */
const settingsText = (settings: unknown): string =>
  escaped(JSON.stringify(settings, null, 1).replaceAll(/\n\s*/g, ' '));

function head({
  model,
  data,
  images,
  batchSize,
  seed,
  device,
  eps,
  norm,
  budget,
  notes,
  partial,
}: Report): string {
  const attack = eps === undefined || norm === undefined ? '' : ` Attacks: ${ballText({ eps, norm })}.`;
  const spent = budget === undefined ? '' : ` ${budgetText(budget)}`;
  return [
    `<h1>What recipes are worth for ${escaped(model)}</h1>`,
    `<p class="soft">${images} ${images === 1 ? 'image' : 'images'} of ${escaped(data)} in batches of ${batchSize}, seed ${seed}, on ${device}.${attack}${escaped(spent)} Bars are 95 % intervals; the dashed line is the model as it is (static).</p>`,
    ...(notes ?? []).map((note) => `<p class="soft">${escaped(note)}</p>`),
    partial
      ? '<div class="card alarm"><h3>Partial</h3><p>It was ended early: figures are of the images that were done.</p></div>'
      : '',
  ].join('\n');
}

function advice({ advice: all, recipes }: Report): string {
  const [base] = recipes as readonly [RecipeReport, ...RecipeReport[]];
  return all
    .map((each) => {
      const { aim, recipe, because, manifest } = each;
      return `<div class="card"><h3>For ${AIM_NAMES[aim]}: ${escaped(recipe)}</h3><p>${escaped(because)}${timeText(each, base)}</p><pre>${settingsText(manifest)}</pre></div>`;
    })
    .join('\n');
}

const alarms = (report: Report): string =>
  report.alarms
    .map(({ code, text }) => `<div class="card alarm"><h3>${escaped(code)}</h3><p>${escaped(text)}</p></div>`)
    .join('\n');

/** A table for one condition, of the recipes that were measured under it. */
function condition(
  { recipes }: Report,
  caption: string,
  says: string,
  of: (recipe: RecipeReport) => Figure | undefined,
): string {
  const lines = recipes.flatMap((recipe): Line[] => {
    const figure = of(recipe);
    return figure === undefined ? [] : [{ name: recipe.name, figure }];
  });
  return lines.length === 0 ? '' : intervalTable(caption, says, lines);
}

/**
 * What the recipes were right under, all of it: the worst case where there were attacks, otherwise the mean
 * of what there was.
 */
function summary({ natural, shifts, attacks, worst }: RecipeReport): number {
  if (worst !== undefined && Object.keys(attacks).length > 0) return worst.accuracy;
  const all = Object.values(shifts);
  if (all.length === 0) return natural.accuracy;
  return all.reduce((sum, { accuracy }) => sum + accuracy, 0) / all.length;
}

function prices({ recipes }: Report): string {
  const [first] = recipes as readonly [RecipeReport, ...RecipeReport[]];
  const what =
    Object.keys(first.attacks).length > 0
      ? '% right under the worst of attacks'
      : Object.keys(first.shifts).length > 0
        ? '% right, mean of shifts'
        : '% right, images as they are';
  const points = (x: (recipe: RecipeReport) => number) =>
    recipes.map((recipe) => ({ name: recipe.name, x: x(recipe), y: summary(recipe) }));
  const plots = [
    scatter(
      points(({ msPerImage }) => Math.max(msPerImage, 0.01)),
      { title: 'Accuracy and time', xLabel: 'ms for an image', yLabel: what, logarithmic: true },
    ),
    scatter(
      points(({ meanSteps }) => meanSteps),
      {
        title: 'Accuracy and updates',
        xLabel: 'updates for an image, mean',
        yLabel: what,
        logarithmic: false,
      },
    ),
  ];
  return `<div class="plots">${plots.join('')}</div>`;
}

const MOST_EXAMPLES = 6;

async function image(of: Example['before'], what: string): Promise<string> {
  const png = await toPng(of);
  return `<img alt="${escaped(what)}" src="data:image/png;base64,${png.toString('base64')}">`;
}

async function exampleFigure(example: Example, labels: readonly string[]): Promise<string> {
  const { condition: by, before, after, label, answer } = example;
  const known = labels[label] ?? String(label);
  const taken = answer === -1 ? 'no answer' : (labels[answer] ?? String(answer));
  return [
    '<div class="example"><div>',
    await image(before, `as it is: ${known}`),
    await image(after, `under ${by}: ${taken}`),
    `</div><p><b>${escaped(by)}</b>: ${escaped(known)}, then ${escaped(taken)}</p></div>`,
  ].join('');
}

/** For each recipe, images that it knows as they are and that something broke; attacks first. */
async function examples({ recipes }: Report, { examples: all, labels }: PageParts): Promise<string> {
  const parts: string[] = [];
  for (const { name } of recipes) {
    const own = all.filter(({ recipe }) => recipe === name);
    const chosen = [
      ...own.filter(({ kind }) => kind === 'attack'),
      ...own.filter(({ kind }) => kind === 'shift'),
    ].slice(0, MOST_EXAMPLES);
    if (chosen.length === 0) continue;
    const figures: string[] = [];
    for (const example of chosen) figures.push(await exampleFigure(example, labels));
    parts.push(`<h3>${escaped(name)}</h3><div class="examples">${figures.join('\n')}</div>`);
  }
  return parts.join('\n');
}

const settings = ({ recipes }: Report): string =>
  recipes.map(({ name, recipe }) => `<h3>${escaped(name)}</h3><pre>${settingsText(recipe)}</pre>`).join('\n');

/** What each search of an attack has left right of the network that it searched. */
function stages({ recipes, images }: Report): string {
  const lines = recipes.flatMap(({ name, attacks }, i) =>
    Object.entries(attacks).flatMap(([attack, { stages: of }]) => {
      // Points of transfer are the same for all recipes, and nothing else is to be seen of the first.
      if (of === undefined || (attack === 'transfer') !== (i === 0)) return [];
      const whose = attack === 'transfer' ? 'the network as it is' : `${name}, held fixed`;
      const each = of.map((stage) => `${stage.name} ${percent(stage.right / images)}`).join(', ');
      return [`<li>${escaped(`${attack}, on ${whose}: ${each}`)}</li>`];
    }),
  );
  return lines.length === 0
    ? ''
    : `<h3>Right after each search, of the network that was searched</h3><ul>${lines.join('\n')}</ul>`;
}

const HOW =
  '<p class="soft">An interval tells what other images of the same kind may give. A gain is claimed only where its whole interval lies above 0. Attacks are those that are listed; a stronger one may break more.</p>';

/** The report as one HTML file, which needs nothing else. */
export async function htmlPage(report: Report, parts: PageParts): Promise<string> {
  const [first] = report.recipes as readonly [RecipeReport, ...RecipeReport[]];
  const attacks = Object.keys(first.attacks);
  const worst =
    attacks.length === 0
      ? ''
      : condition(
          report,
          'Worst of all attacks',
          'row by row: right where it is right as it is and no attack broke it',
          (recipe) => recipe.worst,
        );
  const body = [
    head(report),
    section('Alarms', alarms(report)),
    section('Advice', advice(report)),
    section(
      'Images as they are',
      condition(report, 'No change', '', ({ natural }) => natural),
    ),
    section(
      'Natural shifts',
      ...Object.keys(first.shifts).map((name) =>
        condition(report, name, SHIFTS[name]?.says ?? '', ({ shifts }) => shifts[name]),
      ),
    ),
    section(
      'Attacks',
      worst,
      ...attacks.map((name) =>
        condition(report, name, parts.attacks[attackOf(name)] ?? '', (recipe) => recipe.attacks[name]),
      ),
      stages(report),
    ),
    section('Curves', ...curveParts(report)),
    section('What it costs', prices(report)),
    section('Images that were broken', await examples(report, parts)),
    section('Settings', settings(report), HOW),
  ];
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(report.model)}: ${percent(first.natural.accuracy)} right as it is</title>`,
    `<style>${STYLE}</style></head><body>`,
    ...body,
    '</body></html>',
    '',
  ].join('\n');
}
