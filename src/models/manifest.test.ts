import { expect, it } from 'vitest';
import { PRESETS } from '../dent/index.ts';
import { InputError } from '../errors.ts';
import { parseManifest } from './manifest.ts';

const input = { width: 32, height: 32, channels: 'rgb', scale: 1 / 255 };
const smallest = { input, labels: ['cat', 'dog'] };
const parse = (manifest: unknown) => parseManifest(JSON.stringify(manifest), 'models/pets/model.json');

it('fills in the defaults', () => {
  expect(parse(smallest)).toEqual({
    description: '',
    input: { ...input, mean: [0, 0, 0], std: [1, 1, 1], fit: 'cover' },
    labels: ['cat', 'dog'],
    recipes: { isolated: PRESETS.isolated, static: PRESETS.static },
    defaultRecipe: 'isolated',
    shareBatches: false,
    batching: { maxBatchSize: 128, maxDelayMs: 20, queueLimit: 1024, timeoutMs: 30_000 },
  });
});

it('takes what is written over the defaults', () => {
  const manifest = parse({
    ...smallest,
    input: { ...input, channels: 'gray', mean: [0.5], std: [0.25], fit: 'contain' },
    recipes: { strong: { preset: 'dent+', steps: 10 } },
    defaultRecipe: 'strong',
    shareBatches: true,
    batching: { maxDelayMs: 5 },
  });
  expect(manifest.input.mean).toEqual([0.5]);
  expect(manifest.recipes).toEqual({ strong: { ...PRESETS['dent+'], steps: 10 } });
  expect(manifest.batching).toEqual({
    maxBatchSize: 128,
    maxDelayMs: 5,
    queueLimit: 1024,
    timeoutMs: 30_000,
  });
  expect(manifest.shareBatches).toBe(true);
});

it.each<[string, unknown, string]>([
  ['no object', [], 'it must be a JSON object.'],
  ['no input', { labels: ['a', 'b'] }, 'the field "input" is missing.'],
  ['no width', { ...smallest, input: { ...input, width: undefined } }, 'the field "input.width" is missing.'],
  ['no scale', { ...smallest, input: { ...input, scale: undefined } }, 'the field "input.scale" is missing.'],
  [
    'a width of 0',
    { ...smallest, input: { ...input, width: 0 } },
    'the field "input.width" must be at least 1.',
  ],
  [
    'an unknown channel order',
    { ...smallest, input: { ...input, channels: 'rgba' } },
    'the field "input.channels" must be one of rgb, bgr, gray.',
  ],
  [
    'an unknown field',
    { ...smallest, lables: [] },
    'there is no field "lables"; the fields here are description, input, output, precision, labels, recipes, defaultRecipe, calibrated, shareBatches, batching.',
  ],
  [
    'an unknown inner field',
    { ...smallest, batching: { maxDelay: 1 } },
    'there is no field "batching.maxDelay"; the fields here are maxBatchSize, maxDelayMs, queueLimit, timeoutMs.',
  ],
  ['a label that is no text', { ...smallest, labels: ['a', 2] }, 'the field "labels.1" must be a text.'],
  [
    "a label with Windows' line end",
    { ...smallest, labels: ['cat', 'dog\r'] },
    'the field "labels.1" must have no blanks around it and no line end; it is "dog\\r".',
  ],
  [
    'two means for three channels',
    { ...smallest, input: { ...input, mean: [0, 0] } },
    'the field "input.mean" has 2 values; "rgb" has 3 channels.',
  ],
  [
    'three deviations for one channel',
    { ...smallest, input: { ...input, channels: 'gray', std: [1, 1, 1] } },
    'the field "input.std" has 3 values; "gray" has 1 channel.',
  ],
  [
    'a deviation of 0',
    { ...smallest, input: { ...input, std: [1, 0, 1] } },
    'the field "input.std.1" must be above 0.',
  ],
  [
    'a calibration on what is no SHA-256',
    { ...smallest, calibrated: { auto: 'model.onnx' } },
    'the field "calibrated.auto" must match pattern "^[0-9a-f]{64}$".',
  ],
  [
    'an unknown preset',
    { ...smallest, recipes: { a: { preset: 'best' } }, defaultRecipe: 'a' },
    'the field "recipes.a" is at fault. There is no preset "best"; the presets are static, norm, blend, tent, dent, dent+, isolated, brief, auto, dent-smooth.',
  ],
  [
    'a recipe option out of range',
    { ...smallest, recipes: { a: { steps: 1.5 } }, defaultRecipe: 'a' },
    'the field "recipes.a" is at fault. Recipe option "steps" must be a whole number from 0 to 1000; got 1.5.',
  ],
  [
    'a recipe that is no object',
    { ...smallest, recipes: { a: 'dent' }, defaultRecipe: 'a' },
    'the field "recipes.a" must be an object of recipe options.',
  ],
  [
    'a recipe name with a space',
    { ...smallest, recipes: { 'a b': {} }, defaultRecipe: 'a b' },
    'the recipe name "a b" has characters that a URL may not hold.',
  ],
  [
    'a default that is no recipe',
    { ...smallest, recipes: { a: {} } },
    'the field "defaultRecipe" must name one of the recipes a; it is "isolated".',
  ],
])('names the file and the field: %s', (_, manifest, message) => {
  expect(() => parse(manifest)).toThrow(new InputError(`models/pets/model.json: ${message}`));
});

it('tells all faults of a manifest at once', () => {
  const manifest = {
    input: { width: '32', height: 0, channels: 'rgb', scale: 1, std: [1, 1] },
    labels: ['cat', 7, 'dog', 8],
    recipes: { a: { preset: 'best', stpes: 1, steps: -1 }, 'b c': {} },
    defaultRecipe: 'strong',
    batching: { maxDelayMs: '20' },
    sharebatches: true,
  };
  let faults: readonly string[] = [];
  try {
    parse(manifest);
  } catch (error) {
    faults = (error as InputError).faults;
  }
  expect(faults.map((fault) => /"[^"]+"/.exec(fault)?.[0])).toEqual([
    '"sharebatches"',
    '"input.width"',
    '"input.height"',
    '"labels.1"',
    '"labels.3"',
    '"batching.maxDelayMs"',
    '"input.std"',
    '"recipes.a"',
    '"recipes.a"',
    '"recipes.a"',
    '"b c"',
    '"defaultRecipe"',
  ]);
  for (const fault of faults) expect(fault).toMatch(/^models\/pets\/model\.json: [^\n]+\.$/);
});

it('tells of a list full of faults by the first few', () => {
  const many = { ...smallest, labels: Array.from({ length: 1000 }, (_, i) => i), shareBatches: 'no' };
  expect(() => parse(many)).toThrow(/"labels\.0" must be a text\..+"shareBatches" must be true or false\./);
  expect(() => parse(many)).not.toThrow(/"labels\.20"/);
});

it('says that a file is no JSON', () => {
  expect(() => parseManifest('{', 'model.json')).toThrow(/^model\.json: this is not valid JSON \(.+\)\.$/);
});
