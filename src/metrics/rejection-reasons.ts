import type { ErrorCode } from '../errors.ts';

/**
 * Who counts a failure as a rejection, so that each is counted once. The queue counts its own decisions, the
 * routes count earlier ones. `nobody`: a fault of ours or a wrong address; the status codes of the HTTP
 * metrics show these.
 */
export const COUNTED_BY: Readonly<Record<ErrorCode, 'queue' | 'routes' | 'nobody'>> = {
  queue_full: 'queue',
  queue_unavailable: 'queue',
  draining: 'queue',
  timeout: 'queue',
  cancelled: 'queue',
  unauthorized: 'routes',
  forbidden: 'routes',
  rate_limited: 'routes',
  not_ready: 'routes',
  invalid_image: 'routes',
  invalid_request: 'routes',
  unknown_model: 'routes',
  unknown_recipe: 'routes',
  too_large: 'routes',
  unsupported_media_type: 'routes',
  not_found: 'nobody',
  unknown_prediction: 'nobody',
  method_not_allowed: 'nobody',
  internal: 'nobody',
};

/** The values of the label `reason` of `dent_rejected_total`. */
export const REJECTION_REASONS = Object.entries(COUNTED_BY).flatMap(([code, by]) =>
  by === 'nobody' ? [] : [code],
);
