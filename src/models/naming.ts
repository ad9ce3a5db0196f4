import { DeviceError, InputError } from '../errors.ts';

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
