import type { Lane } from '../batching/batch-queue.ts';
import { isCoupled } from '../dent/index.ts';
import type { DescribedVersion } from '../models/model.ts';

/**
 * Where rows of `caller` wait. They wait with everybody's rows, unless their answers would depend on one
 * another and the manifest keeps callers apart.
 */
export function laneOf(
  { name, version, content, manifest }: DescribedVersion,
  recipe: string,
  caller: string,
): Lane {
  const apart = isCoupled(manifest.recipes[recipe]!) && !manifest.shareBatches;
  return { model: name, version, content, recipe, caller: apart ? caller : '' };
}
