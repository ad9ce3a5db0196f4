import { ServiceError } from '../../errors.ts';
import type { Inference } from '../../inference/inference.ts';
import type { DescribedVersion } from '../../models/model.ts';

/**
 * The version in a path (versions are strings there), or the default version where the path names none.
 * Throws `unknown_model` or `not_ready`.
 */
export function chooseVersion(
  inference: Inference,
  { model, version }: { readonly model: string; readonly version?: string },
): DescribedVersion {
  if (version === undefined) return inference.version(model);
  if (/^[0-9]{1,9}$/.test(version)) return inference.version(model, Number(version));
  const known = inference.model(model).versions.map((each) => each.version);
  throw new ServiceError(
    'unknown_model',
    `The model "${model}" has no version "${version}"; it has ${known.join(', ')}.`,
  );
}
