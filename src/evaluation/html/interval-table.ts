import type { Figure } from '../figures.ts';
import { escaped, percent, signed } from './markup.ts';

/** A line of the table: a recipe and its figure. */
export interface Line {
  readonly name: string;
  readonly figure: Figure;
}

const GRID = [0, 25, 50, 75, 100];

/**
 * An axis from 0 to 100 %: a bar for the interval, a stroke for the figure, and a dashed line where the model
 * as it is stands. It is stretched to the width of its cell, so it holds lines alone.
 */
function plot({ accuracy, interval: [low, high] }: Figure, base: Figure | undefined): string {
  const x = (share: number): string => (100 * share).toFixed(2);
  const upright = (at: string, kind: string, from: number, to: number): string =>
    `<line class="${kind}" x1="${at}" x2="${at}" y1="${from}" y2="${to}"/>`;
  return [
    '<svg viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">',
    ...GRID.map((at) => upright(String(at), 'grid', 0, 20)),
    `<rect class="interval" x="${x(low)}" width="${x(high - low)}" y="6" height="8"/>`,
    base ? upright(x(base.accuracy), 'base', 0, 20) : '',
    upright(x(accuracy), 'figure', 2, 18),
    '</svg>',
  ].join('');
}

function gainText({ gain }: Figure): string {
  if (gain === undefined) return '';
  const [low, high] = gain.interval;
  return `<small>${signed(gain.points)} points (${signed(low)} to ${signed(high)})</small>`;
}

/**
 * Figures of one condition under each other, drawn and in numbers. The first is what the others are compared
 * with.
 */
export function intervalTable(caption: string, says: string, lines: readonly Line[]): string {
  const base = lines[0]?.figure;
  const of = base?.of ?? 0;
  const [low, high] = ['0 %', '100 %'];
  const rows = lines.map(({ name, figure }) => {
    const [from, to] = figure.interval;
    const numbers = `<b>${percent(figure.accuracy)}</b> <span>${percent(from)} to ${percent(to)}</span>${figure.of === of ? '' : ` <small>of ${figure.of}</small>`}`;
    return `<tr><th scope="row">${escaped(name)}</th><td class="plot">${plot(figure, base)}</td><td>${numbers}${gainText(figure)}</td></tr>`;
  });
  return [
    `<table><caption>${escaped(caption)} <small>${escaped(says)}</small></caption>`,
    `<thead><tr><th scope="col">recipe</th><th scope="col" class="axis"><span>${low}</span><span>${high}</span></th><th scope="col">right, of ${of}</th></tr></thead>`,
    `<tbody>${rows.join('')}</tbody></table>`,
  ].join('\n');
}
