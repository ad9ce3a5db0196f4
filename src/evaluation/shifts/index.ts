import { InputError } from '../../errors.ts';
import { float32, rows, type Tensor } from '../../tensor.ts';
import { createRandom } from '../random.ts';
import { CORRUPTIONS, SEVERITIES } from './corruptions.ts';
import { NATURAL } from './natural.ts';
import type { Shift } from './shift.ts';

export type { Picture, Shift } from './shift.ts';

/** The severity of a corruption that is named without one. */
const USUAL_SEVERITY = 3;

const corruptions = Object.entries(CORRUPTIONS).flatMap(([name, { says, numbers, shift }]) =>
  SEVERITIES.map((severity): readonly [string, Shift] => {
    const number = numbers[severity - 1]!;
    return [`${name}-${severity}`, { says: says.replaceAll('#', String(number)), apply: shift(number) }];
  }),
);

/** Every shift by its name: the eight, and each corruption at each severity, as in `fog-3`. */
export const SHIFTS: Readonly<Record<string, Shift>> = { ...NATURAL, ...Object.fromEntries(corruptions) };

/** What may stand for several shifts. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  none: [],
  all: Object.keys(NATURAL),
  common: Object.keys(CORRUPTIONS).map((name) => `${name}-${USUAL_SEVERITY}`),
};

/**
 * The names of the shifts that a list such as `all`, `noise,dark` or `fog,jpeg-5` means, each once. Throws
 * `InputError`.
 */
export function shiftNames(list: string): string[] {
  const names = list.split(',').flatMap((part) => {
    const name = part.trim();
    if (Object.hasOwn(GROUPS, name)) return GROUPS[name]!;
    if (Object.hasOwn(SHIFTS, name)) return [name];
    if (Object.hasOwn(CORRUPTIONS, name)) return [`${name}-${USUAL_SEVERITY}`];
    throw new InputError(
      `There is no shift "${name}"; there are ${Object.keys(GROUPS).join(', ')}, ${Object.keys(NATURAL).join(', ')}, and with a severity of 1 to 5 behind them, as in fog-3, ${Object.keys(CORRUPTIONS).join(', ')}.`,
    );
  });
  return [...new Set(names)];
}

/**
 * A batch of pixels in [0, 1], [N, C, H, W], shifted. What chance decides for an image depends on the seed,
 * the shift and the image's number alone: `first` is that of the first row.
 */
export async function applyShift(
  name: string,
  batch: Tensor<'float32'>,
  { seed, first }: { readonly seed: number; readonly first: number },
): Promise<Tensor<'float32'>> {
  const shift = SHIFTS[name]!;
  const [count, channels, height, width] = batch.dims as [number, number, number, number];
  const shifted = float32(batch.dims, new Float32Array(batch.data.length));
  for (let row = 0; row < count; row++) {
    const data = rows(batch, row, row + 1).data;
    const random = createRandom(seed, `${name} ${first + row}`);
    const changed = await shift.apply({ data, channels, height, width }, random);
    shifted.data.set(changed, row * data.length);
  }
  clip(shifted.data);
  return shifted;
}

function clip(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(1, Math.max(0, values[i]!));
}
