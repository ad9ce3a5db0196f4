import { ServiceError } from '../../../errors.ts';
import type { DescribedVersion } from '../../../models/model.ts';
import type { InferRequestBody } from '../schemas/infer.ts';

const invalid = (message: string): ServiceError => new ServiceError('invalid_request', message);

/** Which part of an answer an output holds. */
export type OutputKind = 'logits' | 'staticLogits' | 'entropy';

/** An output that requests may name: FP32, one row for each row of the input. */
export interface OutputSpec {
  readonly name: string;
  readonly kind: OutputKind;
  /** Numbers of a row; -1 where it depends on the recipe. */
  readonly size: number;
}

/**
 * The outputs of a version, as a caller sees them. The last two have the names that its compiled graphs give
 * them. They show what the unadapted model predicts, or how sure it is.
 */
export function outputsOf(
  { tensors, manifest }: Pick<DescribedVersion, 'tensors' | 'manifest'>,
  seesStatic: boolean,
): readonly OutputSpec[] {
  const size = manifest.labels.length;
  const adapted = { name: tensors.output, kind: 'logits', size } as const;
  if (!seesStatic) return [adapted];
  return [
    adapted,
    { name: 'static_logits', kind: 'staticLogits', size },
    { name: 'entropy', kind: 'entropy', size: -1 },
  ];
}

/** An output of an answer, and how it is written. */
export interface WantedOutput {
  readonly spec: OutputSpec;
  readonly binary: boolean;
  /** How many top classes to write as text instead of numbers; 0 for the numbers. */
  readonly classes: number;
}

function wanted(
  version: DescribedVersion,
  known: readonly OutputSpec[],
  { name, parameters = {} }: NonNullable<InferRequestBody['outputs']>[number],
  binaryByDefault: boolean,
): WantedOutput {
  const spec = known.find((each) => each.name === name);
  if (spec === undefined) throw invalid(`unexpected inference output '${name}' for model '${version.name}'`);
  if ('shared_memory_region' in parameters) throw invalid('Shared memory is not supported.');
  const { binary_data: binary = binaryByDefault, classification: classes = 0 } = parameters;
  if (classes > 0 && spec.kind === 'entropy') throw invalid(`The output "${name}" has no classes.`);
  return { spec, binary, classes: Math.min(classes, version.manifest.labels.length) };
}

/** The outputs that a request names, or all of them. Throws `invalid_request`. */
export function chooseOutputs(
  version: DescribedVersion,
  outputs: InferRequestBody['outputs'],
  { binaryByDefault, seesStatic }: { readonly binaryByDefault: boolean; readonly seesStatic: boolean },
): readonly WantedOutput[] {
  const known = outputsOf(version, seesStatic);
  // Some clients send an empty list and mean all.
  const named = outputs === undefined || outputs.length === 0 ? known : outputs;
  const names = new Set(named.map(({ name }) => name));
  if (names.size < named.length) throw invalid('The request names an output twice.');
  return named.map((output) => wanted(version, known, output, binaryByDefault));
}
