import { type Config, variable } from '../config.ts';
import { InputError } from '../errors.ts';

/** The origins whose pages may call, or `*`. Throws `InputError` naming an entry that is no origin. */
export function corsOrigins({ corsOrigins: text = '' }: Pick<Config, 'corsOrigins'>): readonly string[] {
  const origins = text.split(/[\s,]+/).filter((each) => each !== '');
  for (const each of origins) {
    if (each === '*' || isOrigin(each)) continue;
    throw new InputError(
      `${variable('corsOrigins')} has "${each}", which is no origin; write it as https://app.example.com, or * for all.`,
    );
  }
  return origins;
}

/** As browsers write an origin: no path, no slash at the end, no default port. */
const isOrigin = (text: string): boolean =>
  /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
