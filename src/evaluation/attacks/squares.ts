import type { Random } from '../random.ts';

/** How the points of a batch are varied in one norm. */
export interface Squares {
  /** Writes where the search begins. */
  begin(points: readonly Float32Array[]): void;
  /**
   * Writes variants of `from` to `to` that differ in a square of about `share` of the image, the same for all
   * rows.
   */
  vary(
    share: number,
    from: readonly Float32Array[],
    to: readonly Float32Array[],
    origins: readonly Float32Array[],
  ): void;
}

/** Where a square is put: its last possible row and column are never drawn, as in AutoAttack. */
export const drawCorner = (
  random: Random,
  side: number,
  height: number,
  width: number,
): readonly [top: number, left: number] => [
  random.below(Math.max(1, height - side)),
  random.below(Math.max(1, width - side)),
];
