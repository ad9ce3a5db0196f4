import { ServiceError } from '../../errors.ts';
import type { App } from './app-instance.ts';

/**
 * How far the service is on its way out. `draining`: not ready any more, but whoever comes is still served, because load
 * balancers take a moment to look away. `refusing`: new predictions are refused, what was accepted is answered.
 */
export type Phase = 'serving' | 'draining' | 'refusing';

export interface Lifecycle {
  phase(): Phase;
}

/** The same life cycle, except that an app that closes refuses whatever it was told. */
export function endWithApp(app: App, lifecycle: Lifecycle): Lifecycle {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  return { phase: () => (closing ? 'refusing' : lifecycle.phase()) };
}

/** A hook that refuses requests from `refusing` on. Before the body is read: what will not be looked at need not be sent. */
export const refuseWhileEnding = (lifecycle: Lifecycle) => async (): Promise<void> => {
  if (lifecycle.phase() !== 'refusing') return;
  throw new ServiceError('draining', 'The service is shutting down.', { retryAfterSeconds: 1 });
};
