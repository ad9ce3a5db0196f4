import { type Axes, framed, mark, nameBeside, nameHeights, range, scalesOf, ticks } from './axes.ts';

export interface Point {
  readonly name: string;
  readonly x: number;
  /** From 0 to 1. */
  readonly y: number;
}

/** Points with their names beside them. Empty where there are fewer than two. */
export function scatter(points: readonly Point[], axes: Axes): string {
  if (points.length < 2) return '';
  const { logarithmic } = axes;
  const across = range(
    points.map(({ x }) => x),
    logarithmic,
  );
  const up = range(
    points.map(({ y }) => 100 * y),
    false,
  );
  const scales = scalesOf(across, up, logarithmic);
  const placed = points.map(({ name, x, y }, at) => ({ name, at, x: scales.x(x), y: scales.y(y) }));
  const heights = nameHeights(placed);
  const marks = placed.map(({ name, at, x, y }) => `${mark(at, x, y)}${nameBeside(name, x, heights[at]!)}`);
  return framed(axes, { across: ticks(...across, logarithmic), up: ticks(...up, false), scales }, marks);
}
