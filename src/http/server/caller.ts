import type { FastifyRequest } from 'fastify';
import type { Access } from '../../access/access.ts';
import { ServiceError } from '../../errors.ts';
import type { PredictRequest } from '../../inference/inference.ts';

/** The caller's name for the use case. '' for everybody, where no keys are configured. */
export const callerOf = ({ caller }: FastifyRequest): string => caller?.name ?? '';

/** What the request's key adds to the request. Throws `forbidden` where the key may not use its priority. */
export function grant(
  request: FastifyRequest,
  priority: PredictRequest['priority'],
): Pick<PredictRequest, 'caller' | 'recipes' | 'hidesStatic' | 'priority'> {
  const { caller } = request;
  const granted = priority ?? caller?.defaultPriority;
  if (granted !== undefined && caller?.priorities?.includes(granted) === false) {
    const list = caller.priorities.join(', ');
    throw new ServiceError(
      'forbidden',
      `The key "${caller.name}" may not use the priority ${granted}; it has ${list}.`,
    );
  }
  return {
    caller: callerOf(request),
    ...(caller?.recipes && { recipes: caller.recipes }),
    ...(caller?.hidesStatic && { hidesStatic: true }),
    ...(granted !== undefined && { priority: granted }),
  };
}

/** Counts the images of a request for the rate of its key. One was counted already. */
export function chargeImages(access: Access | undefined, { caller }: FastifyRequest, images: number): void {
  if (access && caller && images > 1) access.charge(caller, images - 1);
}
