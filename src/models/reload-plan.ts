import type { InputError } from '../errors.ts';
import type { Manifest } from './model.ts';
import type { FoundModel, FoundVersion } from './repository-scan.ts';

/** A known version, and the files with which it was last tried. Absent where it has not been tried yet. */
export interface KnownVersion {
  readonly version: number;
  readonly tried?: { readonly stamp: string; readonly manifest: Manifest } | undefined;
}

export type ReloadStep =
  | { readonly kind: 'load'; readonly version: FoundVersion }
  /** Nothing can be loaded. What served of the version before goes on. */
  | { readonly kind: 'fail'; readonly version: FoundVersion; readonly fault: InputError }
  | { readonly kind: 'remove'; readonly version: number };

const sameManifest = (a: Manifest, b: Manifest): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * The steps that turn a model's versions into those of `found`. Removals come last, so that a version's
 * replacement is there before the version goes.
 */
export function planReload(known: readonly KnownVersion[], found: FoundModel): readonly ReloadStep[] {
  const isNew = ({ version, stamp }: FoundVersion): boolean => {
    const tried = known.find((each) => each.version === version)?.tried;
    return tried?.stamp !== stamp || !sameManifest(tried.manifest, found.manifest);
  };
  const steps = found.versions
    .filter(isNew)
    .map(
      (version): ReloadStep =>
        version.fault === undefined
          ? { kind: 'load', version }
          : { kind: 'fail', version, fault: version.fault },
    );
  const remaining = new Set(found.versions.map(({ version }) => version));
  const removals = known
    .filter(({ version }) => !remaining.has(version))
    .map(({ version }): ReloadStep => ({ kind: 'remove', version }));
  return [...steps, ...removals];
}
