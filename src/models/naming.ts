import { InputError } from '../errors.ts';

/** Does `work`; what of its rejections is a person's to mend gets the file at fault in front. */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError(
      cause.faults.map((fault) => `${path}: ${fault}`),
      { cause },
    );
  }
}
