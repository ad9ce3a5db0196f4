import type { Access } from '../../access/access.ts';
import type { Inference } from '../../inference/inference.ts';
import type { Lifecycle } from './lifecycle.ts';

/** What routes that predict need. */
export interface PredictDeps {
  readonly inference: Inference;
  readonly lifecycle: Lifecycle;
  /** Absent where no keys are configured. */
  readonly access?: Access;
}
