import { type ErrorCode, InputError, ServiceError } from '../../errors.ts';

/** An error as it travels between processes. */
export type Fault =
  | {
      readonly kind: 'service';
      readonly code: ErrorCode;
      readonly message: string;
      readonly retryAfterSeconds?: number;
      /** For the log. */
      readonly cause?: Fault;
    }
  | { readonly kind: 'input'; readonly faults: readonly string[] }
  | { readonly kind: 'bug'; readonly message: string; readonly stack?: string };

export function faultOf(error: unknown): Fault {
  if (error instanceof ServiceError) {
    const { code, message, retryAfterSeconds, cause } = error;
    return {
      kind: 'service',
      code,
      message,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...(cause !== undefined && { cause: faultOf(cause) }),
    };
  }
  if (error instanceof InputError) return { kind: 'input', faults: error.faults };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { kind: 'bug', message, ...(stack !== undefined && { stack }) };
}

export function errorOf(fault: Fault & { readonly kind: 'service' }): ServiceError;
export function errorOf(fault: Fault): Error;
export function errorOf(fault: Fault): Error {
  if (fault.kind === 'input') return new InputError(fault.faults);
  if (fault.kind === 'bug') {
    const { message, stack } = fault;
    return Object.assign(new Error(message), stack !== undefined && { stack });
  }
  const { code, message, retryAfterSeconds, cause } = fault;
  return new ServiceError(code, message, {
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(cause && { cause: errorOf(cause) }),
  });
}
