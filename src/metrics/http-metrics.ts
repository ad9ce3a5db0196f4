import type { ErrorCode } from '../errors.ts';
import type { Catalogue } from './catalogue.ts';
import { COUNTED_BY } from './rejection-reasons.ts';

/** The statuses of predictions that alerts and dashboards compare. */
const PREDICTION_CODES = [200, 429, 500, 503, 504];

export interface HttpMetrics {
  /**
   * A route answers predictions. Its series exist from now on, at 0, so that their first event counts as an
   * increase.
   */
  predictionRoute(route: { readonly route: string; readonly method: string }): void;
  /** A request has arrived. One call of `finished` follows each, even where the client hung up. */
  started(): void;
  /** `route` is the pattern, not the address; `code` the status. */
  finished(response: {
    readonly route: string;
    readonly method: string;
    readonly code: number;
    readonly seconds: number;
  }): void;
  /**
   * A request failed with this code. Codes that the queue counts, or that are no rejections, change nothing.
   */
  rejected(code: ErrorCode): void;
}

export function createHttpMetrics(catalogue: Catalogue): HttpMetrics {
  return {
    predictionRoute(labels) {
      for (const code of PREDICTION_CODES) catalogue.httpRequestDuration.zero({ ...labels, code });
    },
    started: () => catalogue.inflightRequests.inc(),
    finished({ route, method, code, seconds }) {
      catalogue.inflightRequests.dec();
      catalogue.httpRequestDuration.observe({ route, method, code }, seconds);
    },
    rejected(code) {
      if (COUNTED_BY[code] === 'routes') catalogue.rejected.inc({ reason: code });
    },
  };
}
