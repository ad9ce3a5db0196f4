import type { DescribedVersion } from '../models/model.ts';
import type { ChoiceListener } from './inference.ts';

/** Reports the choice to the listener before anything can go wrong with the request. */
export function tellChoice(
  { listener }: { readonly listener?: ChoiceListener },
  { version, recipe }: { readonly version: DescribedVersion; readonly recipe: string },
  id?: string,
): void {
  const { name, version: number } = version;
  listener?.chosen({ ...(id !== undefined && { id }), model: { name, version: number }, recipe });
}
