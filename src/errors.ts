/**
 * The closed set of failures that a caller of the service can meet. Each code has one HTTP status
 * (`http/server/error-status.ts`) and one entry in `docs/errors.md`.
 */
export type ErrorCode =
  | 'invalid_image'
  | 'invalid_request'
  | 'unknown_recipe'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'unknown_model'
  | 'unknown_prediction'
  | 'too_large'
  | 'unsupported_media_type'
  | 'queue_full'
  | 'rate_limited'
  | 'not_ready'
  | 'draining'
  | 'queue_unavailable'
  | 'timeout'
  | 'cancelled'
  | 'internal';

/**
 * A failure that is part of the service's interface. The caller sees `message`, so it never holds internals.
 */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which a retry makes sense; becomes the `Retry-After` header. */
  readonly retryAfterSeconds?: number;

  constructor(
    code: ErrorCode,
    message: string,
    options: { retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ServiceError';
    this.code = code;
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/**
 * Text on one line. Names in other people's files may hold line breaks, and codes that control a terminal.
 */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

/**
 * A fault in something that a person gave us (a model file, a manifest, an option). `message` is one sentence
 * that names it.
 */
export class InputError extends Error {
  /** One sentence for each fault, where several were found at once. `message` has them all. */
  readonly faults: readonly string[];

  constructor(message: string | readonly string[], options: { cause?: unknown } = {}) {
    const faults = [message].flat().map(printable);
    super(faults.join(' '), options);
    this.name = 'InputError';
    this.faults = faults;
  }
}

/** A fault of the device that was asked for. No other file would help. */
export class DeviceError extends InputError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'DeviceError';
  }
}

/** Does `work`. Where it rejects with a fault that a person must mend, the file at fault goes in front. */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof InputError) || cause instanceof DeviceError) throw cause;
    throw new InputError(
      cause.faults.map((fault) => `${path}: ${fault}`),
      { cause },
    );
  }
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EEXIST: 'a file is in its place',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a link that leads back to itself',
  EMFILE: 'too many files are open',
  ENOENT: 'it does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is no folder',
  ENOTFOUND: 'the name is unknown',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
};

/** The operating system's error, in words. As its code where that code is a rare one. */
export function systemReason(cause: unknown): string {
  const { code = String(cause) } = cause as NodeJS.ErrnoException;
  return SYSTEM_REASONS[code] ?? code;
}

const BOUNDS: Readonly<Record<string, string>> = {
  '>=': 'at least',
  '<=': 'at most',
  '>': 'above',
  '<': 'below',
};

/** The bound that a number breaks, in words, from the parameters of a validator's error. */
export function boundInWords(params: unknown): string | undefined {
  const { comparison = '', limit } = params as { comparison?: string; limit?: unknown };
  return BOUNDS[comparison] && `must be ${BOUNDS[comparison]} ${limit}`;
}
