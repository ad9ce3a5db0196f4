import { DATA_TYPE, float32Constant, type GraphBuilder, type Value } from '../onnx/index.ts';
import type { Components } from './components.ts';
import { type Update, updateParameters } from './optimizer.ts';

/**
 * The update of trip `trip`, an int64 scalar that counts from 0. Nothing uses the last trip's update, and it
 * does no harm.
 */
export function updateOfTrip(
  body: GraphBuilder,
  { forward, recipe }: Pick<Components, 'forward' | 'recipe'>,
  trip: Value,
  parameters: Value,
  gradient: Value,
  moments: readonly Value[],
): Update {
  const count = body.op('Cast', [trip], { attributes: { to: DATA_TYPE.float64 } });
  const t = body.op('Add', [count, body.double(1)]);
  const learningRates = float32Constant([1, forward.parameterCount], forward.learningRates);
  const rate = body.constant(learningRates, 'learning_rates');
  return updateParameters(body, recipe, t, parameters, gradient, moments, rate);
}
