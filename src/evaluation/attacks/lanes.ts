import type { Target } from '../target.ts';
import { onRows, type Run, Strongest } from './run.ts';

/** While the points of one lane are moved here, the engine's processes are busy with the other. */
const LANES = 2;

/**
 * Makes a search on two halves of the rows at the same time, where they are independent. `search` hears which
 * rows of the batch its own run is of; what it draws by chance must not depend on them.
 */
export async function inLanes<T extends Target>(
  run: Run<T>,
  search: (lane: Run<T>, rows: readonly number[]) => Promise<Strongest>,
): Promise<Strongest> {
  const { batch, target, onProgress } = run;
  const count = batch.labels.length;
  const lanes = target.independentRows ? Math.min(LANES, count) : 1;
  const shares = new Array<number>(lanes).fill(0);
  const found = new Strongest(batch.images);
  const searches = shares.map(async (_, lane) => {
    const [from, to] = [Math.floor((lane * count) / lanes), Math.floor(((lane + 1) * count) / lanes)];
    const rows = Array.from({ length: to - from }, (_, i) => from + i);
    const report = (share: number): void => {
      shares[lane] = share;
      onProgress?.(shares.reduce((sum, each) => sum + each, 0) / lanes);
    };
    const { pixels, margins } = await search({ ...onRows(run, rows), onProgress: report }, rows);
    found.offer(pixels, margins, rows);
  });
  await Promise.all(searches);
  return found;
}
