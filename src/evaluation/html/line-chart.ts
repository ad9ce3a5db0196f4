import { type Axes, framed, LEFT, mark, nameHeights, number, RIGHT, scalesOf } from './axes.ts';
import { escaped } from './markup.ts';

/** A line of the chart, from left to right. */
export interface Series {
  readonly name: string;
  /** Which mark and which dashes it has. */
  readonly shape: number;
  /** Of two series with one shape the other. */
  readonly isOpen?: boolean;
  readonly points: readonly { readonly x: number /** From 0 to 1. */; readonly y: number }[];
}

/** Lines that differ without colour, in the order of the series. */
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '4 6', '12 4'];

/** Room at the right, for names at the ends of their lines, and how many letters it takes. */
const NAMES = 96;
const LETTERS = 15;

const shortened = (name: string): string =>
  name.length <= LETTERS ? name : `${name.slice(0, LETTERS - 1)}…`;

/**
 * Accuracy against something, a line for each series with its name at its end. Both axes begin and end alike
 * for all: from 0 to 100 %.
 */
export function lineChart(
  series: readonly Series[],
  axes: Axes,
  label: (value: number) => string = number,
): string {
  const values = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  if (values.length < 2) return '';
  const full = scalesOf([values[0]!, values.at(-1)!], [0, 100], axes.logarithmic);
  // Names stand behind the last points.
  const squeeze = (x: number): number =>
    LEFT + 6 + ((x - LEFT) * (RIGHT - NAMES - LEFT - 6)) / (RIGHT - LEFT);
  const scales = { ...full, x: (value: number) => squeeze(full.x(value)) };
  const ends = series.map(({ points }, at) => ({ at, y: full.y(points.at(-1)!.y) }));
  const heights = nameHeights(ends);
  const drawn = series.map(({ name, shape, isOpen = false, points }, at) => {
    const places = points.map(({ x, y }) => [scales.x(x), scales.y(y)] as const);
    const line = places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
    const [end] = places.at(-1)!;
    return [
      `<polyline class="line" points="${line}" stroke-dasharray="${DASHES[shape % DASHES.length]}"/>`,
      ...places.map(([x, y]) => mark(shape, x, y, isOpen)),
      `<text x="${(end + 9).toFixed(1)}" y="${heights[at]!.toFixed(1)}">${escaped(shortened(name))}</text>`,
    ].join('');
  });
  const apart = spread(values, scales.x);
  return framed(axes, { across: apart, label, up: [0, 25, 50, 75, 100], scales }, drawn);
}

/** The least distance of two numbers under the axis. */
const TICK = 24;

/** The values whose numbers have room under the axis. */
function spread(values: readonly number[], x: (value: number) => number): number[] {
  const kept: number[] = [];
  for (const value of values) {
    const before = kept.at(-1);
    if (before === undefined || x(value) - x(before) >= TICK) kept.push(value);
  }
  return kept;
}
