import type { InputError } from '../errors.ts';
import type { Manifest } from './model.ts';
import type { FoundModel, FoundVersion } from './repository-scan.ts';

/** A version as it is known, and of which files it was last tried to serve it; absent where that is still to be done. */
export interface KnownVersion {
  readonly version: number;
  readonly tried?: { readonly stamp: string; readonly manifest: Manifest } | undefined;
}

export type ReloadStep =
  | { readonly kind: 'load'; readonly version: FoundVersion }
  /** There is nothing to load; what served of the version before goes on. */
  | { readonly kind: 'fail'; readonly version: FoundVersion; readonly fault: InputError }
  | { readonly kind: 'remove'; readonly version: number };

const sameManifest = (a: Manifest, b: Manifest): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * What is to be done for the versions of a model to be those of `found`. The removals come last, so that what takes a
 * version's place is there before it goes.
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
