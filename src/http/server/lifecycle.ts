import { ServiceError } from '../../errors.ts';
import type { App } from './app-instance.ts';

/**
 * The stages of closing the service. `draining`: not ready any more, but new requests are still served,
 * because load balancers take a moment to look away. `refusing`: new predictions are refused, and accepted
 * ones are answered.
 */
export type Phase = 'serving' | 'draining' | 'refusing';

export interface Lifecycle {
  phase(): Phase;
  /** Why the service does nothing and will not by itself, in a sentence. Undefined where it works. */
  hungReason?(): string | undefined;
}

/** The same life cycle, except that a closing app always refuses. */
export function endWithApp(app: App, lifecycle: Lifecycle): Lifecycle {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  return { ...lifecycle, phase: () => (closing ? 'refusing' : lifecycle.phase()) };
}

/**
 * A hook that refuses requests from `refusing` on. It runs before the body is read, so that clients need not
 * send it.
 */
export const refuseWhileEnding = (lifecycle: Lifecycle) => async (): Promise<void> => {
  if (lifecycle.phase() !== 'refusing') return;
  throw new ServiceError('draining', 'The service is shutting down.', { retryAfterSeconds: 1 });
};
