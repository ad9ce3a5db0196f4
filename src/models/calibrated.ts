import type { DescribedVersion } from './model.ts';

const SHOWN = 12;

/**
 * A sentence for each recipe that was calibrated on another file than that of this version. Recipes that are
 * not there any more do not matter.
 */
export function otherCalibrations({
  name,
  sha256,
  manifest,
}: Pick<DescribedVersion, 'name' | 'sha256' | 'manifest'>): string[] {
  return Object.entries(manifest.calibrated ?? {})
    .filter(([recipe, calibrated]) => Object.hasOwn(manifest.recipes, recipe) && calibrated !== sha256)
    .map(
      ([recipe, calibrated]) =>
        `the recipe "${recipe}" was calibrated on another file (SHA-256 ${calibrated.slice(0, SHOWN)}…, this one has ${sha256.slice(0, SHOWN)}…), so it may choose wrongly; run dent calibrate ${name} --recipe ${recipe} --data DIR --write.`,
    );
}
