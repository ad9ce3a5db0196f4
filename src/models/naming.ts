import { InputError } from '../errors.ts';

/** Does `work`; what of its rejections is a person's to mend gets the file at fault in front. */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof InputError ? new InputError(`${path}: ${cause.message}`, { cause }) : cause;
  }
}
