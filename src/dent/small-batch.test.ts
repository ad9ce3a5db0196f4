import { expect, it } from 'vitest';
import { createRecipe } from './recipe.ts';
import { appliedRecipe, smallBatchPreset } from './small-batch.ts';

const applied = (options: Record<string, unknown>, rows: number): string =>
  appliedRecipe('asked', createRecipe(options), rows).name;

it.each([
  [{ preset: 'dent+' }, 7, 'isolated'],
  [{ preset: 'dent+' }, 8, 'asked'],
  [{ preset: 'dent+', small: 'static' }, 7, 'static'],
  [{ preset: 'dent+', small: 'adapt' }, 1, 'asked'],
  [{ preset: 'dent+', steps: 0 }, 1, 'asked'],
  [{ preset: 'norm' }, 15, 'isolated'],
  [{ preset: 'norm' }, 16, 'asked'],
  [{ preset: 'tent', small: 'static' }, 15, 'static'],
  [{ preset: 'tent', objective: 'infomax' }, 15, 'isolated'],
  [{ preset: 'blend' }, 1, 'asked'],
  [{ preset: 'blend', steps: 1, objective: 'infomax' }, 7, 'isolated'],
  [{ preset: 'dent' }, 1, 'asked'],
  [{ preset: 'isolated' }, 1, 'asked'],
])('%j on %i rows applies %s', (options, rows, name) => {
  expect(applied(options, rows)).toBe(name);
});

it('names the presets that must be compiled as well', () => {
  expect(smallBatchPreset(createRecipe({ preset: 'dent+' }))).toBe('isolated');
  expect(smallBatchPreset(createRecipe({ preset: 'norm', small: 'static' }))).toBe('static');
  expect(smallBatchPreset(createRecipe({ preset: 'dent+', small: 'adapt' }))).toBeUndefined();
  expect(smallBatchPreset(createRecipe({ preset: 'dent' }))).toBeUndefined();
});
