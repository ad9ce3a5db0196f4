import { DeviceError, InputError, ServiceError } from '../../errors.ts';
import type { Failure } from './messages.ts';

/** An error as it travels between threads. */
export function failureOf(error: unknown): Failure {
  const { message, stack } = error as Error;
  const isService = error instanceof ServiceError;
  const retry = isService && error.retryAfterSeconds;
  return {
    message,
    stack,
    ...(error instanceof InputError && { input: error instanceof DeviceError ? 'device' : 'file' }),
    ...(isService && { service: { code: error.code, ...(retry && { retryAfterSeconds: retry }) } }),
  };
}

/** The error that has travelled. */
export function errorOf({ message, stack, input, service }: Failure): Error {
  if (input) return input === 'device' ? new DeviceError(message) : new InputError(message);
  if (service) return new ServiceError(service.code, message, service);
  return Object.assign(new Error(message), stack !== undefined && { stack });
}
