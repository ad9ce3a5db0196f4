import type { Lane } from './batch-queue.ts';

/** The lane as text: equal for equal lanes. */
export const laneKey = ({ model, version, content, recipe, caller }: Lane): string =>
  JSON.stringify([model, version, content, recipe, caller]);

/** The lane from the text of `laneKey`. */
export function parseLane(key: string): Lane {
  const [model, version, content, recipe, caller] = JSON.parse(key);
  return { model, version, content, recipe, caller };
}
