import type { ErrorCode } from '../../errors.ts';

/** The status of every failure. A new code does not compile until it has one. */
export const ERROR_STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_image: 400,
  invalid_request: 400,
  unknown_recipe: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  unknown_model: 404,
  unknown_prediction: 404,
  method_not_allowed: 405,
  too_large: 413,
  unsupported_media_type: 415,
  queue_full: 429,
  rate_limited: 429,
  // Nobody is left to read it. The number is nginx's, and shows in logs and metrics what happened.
  cancelled: 499,
  internal: 500,
  not_ready: 503,
  draining: 503,
  queue_unavailable: 503,
  timeout: 504,
};

/** The `title` of each failure's problem. */
export const ERROR_TITLE: Readonly<Record<ErrorCode, string>> = {
  invalid_image: 'Invalid image',
  invalid_request: 'Invalid request',
  unknown_recipe: 'Unknown recipe',
  unauthorized: 'Unauthorized',
  forbidden: 'Forbidden',
  not_found: 'Not found',
  unknown_model: 'Unknown model',
  unknown_prediction: 'Unknown prediction',
  method_not_allowed: 'Method not allowed',
  too_large: 'Too large',
  unsupported_media_type: 'Unsupported media type',
  queue_full: 'Queue full',
  rate_limited: 'Rate limited',
  cancelled: 'Cancelled',
  internal: 'Internal error',
  not_ready: 'Not ready',
  draining: 'Shutting down',
  queue_unavailable: 'Queue unavailable',
  timeout: 'Timeout',
};
