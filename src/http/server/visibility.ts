import type { FastifyRequest } from 'fastify';
import type { Prediction } from '../../inference/inference.ts';

/** Whether the caller may know what the unadapted model predicts. */
export const seesStatic = ({ caller }: FastifyRequest): boolean => caller?.hidesStatic !== true;

type Adaptation = Prediction['adaptation'];
type ToldOfStatic = 'entropy_before' | 'label_changed';

/** A prediction as callers get it. */
export type VisiblePrediction = Omit<Prediction, 'static' | 'adaptation'> &
  Partial<Pick<Prediction, 'static'>> & {
    readonly adaptation: Omit<Adaptation, ToldOfStatic> & Partial<Pick<Adaptation, ToldOfStatic>>;
  };

/** The prediction as the caller may see it: some keys are not told what adaptation has changed. */
export function visibleTo(request: FastifyRequest, prediction: Prediction): VisiblePrediction {
  if (seesStatic(request)) return prediction;
  const { static: _static, trace: _trace, adaptation, ...seen } = prediction;
  const { entropy_before: _before, label_changed: _changed, ...rest } = adaptation;
  return { ...seen, adaptation: rest };
}
