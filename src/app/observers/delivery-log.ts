import type { FastifyBaseLogger } from 'fastify';
import type { DeliveryObserver } from '../tracing.ts';

/** Tells the operator once of each outage of the collector, whichever processes meet it, and of its end. */
export function logDelivery(log: FastifyBaseLogger): DeliveryObserver {
  let isAway = false;
  let deliveredMs = 0;
  return {
    started: () => log.info('sends spans to an OpenTelemetry collector'),
    exported({ sentMs, fault }) {
      if (fault === undefined) {
        deliveredMs = Math.max(deliveredMs, sentMs);
        if (isAway) log.info('spans are delivered again');
        isAway = false;
        // The last failure of one process may come after the first success of another.
      } else if (!isAway && sentMs > deliveredMs) {
        log.warn({ fault }, 'spans cannot be delivered');
        isAway = true;
      }
    },
  };
}
