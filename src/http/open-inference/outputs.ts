import type { DescribedVersion } from '../../models/model.ts';

/** What of an answer an output holds. */
export type OutputKind = 'logits' | 'staticLogits' | 'entropy';

/** An output that requests may ask for: FP32, a row for each row of the input. */
export interface OutputSpec {
  readonly name: string;
  readonly kind: OutputKind;
  /** Numbers of a row; -1 where it depends on the recipe. */
  readonly size: number;
}

/** The outputs of a version. The last two have the names that its compiled graphs give them. */
export const outputsOf = ({ tensors, manifest }: DescribedVersion): readonly OutputSpec[] => [
  { name: tensors.output, kind: 'logits', size: manifest.labels.length },
  { name: 'static_logits', kind: 'staticLogits', size: manifest.labels.length },
  { name: 'entropy', kind: 'entropy', size: -1 },
];
