import { escaped } from './markup.ts';

/** What is written around a plot. */
export interface Axes {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Whether the x axis grows by factors. */
  readonly logarithmic: boolean;
}

export const [WIDTH, HEIGHT] = [360, 250];
export const [LEFT, RIGHT, TOP, BOTTOM] = [44, 348, 14, 206];
/** The least distance of two names below one another. */
const LINE = 12;

/** Shapes that differ without colour, in the order of the points. */
const SHAPES = [
  'M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z',
  'M-4,-4H4V4H-4Z',
  'M0,-5L5,4H-5Z',
  'M0,-5L5,0L0,5L-5,0Z',
  'M-5,-4H5L0,5Z',
  'M-4,-4L4,4M4,-4L-4,4',
];

/** A few round numbers from `low` to `high`, which lie within. */
export function ticks(low: number, high: number, logarithmic: boolean): number[] {
  if (logarithmic) {
    const first = Math.floor(Math.log10(low));
    const last = Math.ceil(Math.log10(high));
    return Array.from({ length: last - first + 1 }, (_, i) => [1, 2, 5].map((k) => k * 10 ** (first + i)))
      .flat()
      .filter((value) => value >= low && value <= high);
  }
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((each) => each >= rough)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

/** The least and the largest of the values with room around them. */
export function range(values: readonly number[], logarithmic: boolean): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (logarithmic) return [low / 1.5, high * 2.2];
  const room = Math.max((high - low) * 0.2, 1);
  return [low - room * 0.5, high + room];
}

export const number = (value: number): string => String(Number(value.toPrecision(3)));

/**
 * Where each name stands, so that none covers another: from the top down, each as near to its point as those
 * above let it, and above the axis as long as there is room.
 */
export function nameHeights(points: readonly { readonly at: number; readonly y: number }[]): number[] {
  const heights: number[] = [];
  let free = TOP;
  const down = points.toSorted((a, b) => a.y - b.y);
  for (const { at, y } of down) {
    heights[at] = Math.max(free, y + 4);
    free = heights[at]! + LINE;
  }
  let floor = BOTTOM - 2;
  for (const { at } of down.toReversed()) {
    heights[at] = Math.max(TOP, Math.min(floor, heights[at]!));
    floor = heights[at]! - LINE;
  }
  return heights;
}

export interface Scales {
  x(value: number): number;
  /** Of a share, from 0 to 1. */
  y(share: number): number;
}

/** Where a value stands in the picture. */
export function scalesOf(
  [xLow, xHigh]: readonly [number, number],
  [yLow, yHigh]: readonly [number, number],
  logarithmic: boolean,
): Scales {
  const scale = logarithmic ? Math.log : (value: number) => value;
  return {
    x: (value) => LEFT + ((scale(value) - scale(xLow)) / (scale(xHigh) - scale(xLow))) * (RIGHT - LEFT),
    y: (share) => BOTTOM - ((100 * share - yLow) / (yHigh - yLow)) * (BOTTOM - TOP),
  };
}

export interface Marked {
  readonly across: readonly number[];
  /** How a value is written under the axis. */
  readonly label?: (value: number) => string;
  /** In percent. */
  readonly up: readonly number[];
  readonly scales: Scales;
}

/** The picture: axes with their ticks around what is drawn. */
export function framed(
  { title, xLabel, yLabel }: Axes,
  { across, label = number, up, scales: { x, y } }: Marked,
  drawn: readonly string[],
): string {
  return [
    `<figure><figcaption>${escaped(title)}</figcaption>`,
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    ...across.map(
      (value) =>
        `<line class="grid" x1="${x(value).toFixed(1)}" x2="${x(value).toFixed(1)}" y1="${TOP}" y2="${BOTTOM}"/><text class="tick" x="${x(value).toFixed(1)}" y="${BOTTOM + 14}" text-anchor="middle">${escaped(label(value))}</text>`,
    ),
    ...up.map(
      (value) =>
        `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${y(value / 100).toFixed(1)}" y2="${y(value / 100).toFixed(1)}"/><text class="tick" x="${LEFT - 5}" y="${(y(value / 100) + 4).toFixed(1)}" text-anchor="end">${number(value)}</text>`,
    ),
    ...drawn,
    `<text x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(xLabel)}</text>`,
    `<text transform="translate(11,${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    '</svg></figure>',
  ].join('\n');
}

/** A mark whose shape tells it from the others without colour. */
export const mark = (at: number, left: number, top: number, isOpen = false): string =>
  `<path class="${isOpen ? 'mark open' : 'mark'}" d="${SHAPES[at % SHAPES.length]}" transform="translate(${left.toFixed(1)},${top.toFixed(1)})"/>`;

/** A name beside a point; one that would leave the picture stands to the left of it. */
export function nameBeside(name: string, left: number, height: number): string {
  const fits = left + 10 + 6.2 * name.length < WIDTH;
  const x = (fits ? left + 9 : left - 9).toFixed(1);
  return `<text x="${x}" y="${height.toFixed(1)}"${fits ? '' : ' text-anchor="end"'}>${escaped(name)}</text>`;
}
