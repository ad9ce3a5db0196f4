import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runDent } from '../../test/fixtures/cli/run-dent.ts';
import { compile, createRecipe, inspect } from '../dent/index.ts';
import { createEngine } from '../engine/index.ts';

const MODEL = 'models/cifar10-resnet14/1/model.onnx';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'compile-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('writes the graph of the recipe and says so in a line', async () => {
  const output = join(folder, 'out.onnx');
  const { stdout, stderr, code } = await runDent([
    'compile',
    MODEL,
    '-o',
    output,
    '--recipe',
    'dent',
    '--lr',
    '0.5',
  ]);
  expect(stdout).toMatch(/out\.onnx: 16 layers, 2272 parameters adapted, [\d.]+ MB, [\d.]+ s\n$/);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(await readdir(folder)).toEqual(['out.onnx']);

  const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 60_000 });
  const recipe = createRecipe({ preset: 'dent', lr: 0.5 });
  const model = await readFile(MODEL);
  const written = await readFile(output);
  expect(written.equals((await compile(model, recipe, engine)).bytes)).toBe(true);
  const { inputs, outputs, metadata } = await inspect(written, engine);
  await engine.close();
  expect(inputs.map(({ name }) => name)).toEqual(['input', 'steps']);
  expect(outputs.map(({ name }) => name)).toEqual(['logits', 'static_logits', 'entropy', 'top']);
  expect(JSON.parse(metadata['dent.recipe']!)).toEqual(recipe);
  expect(metadata['dent.source_sha256']).toBe(createHash('sha256').update(model).digest('hex'));
});

it('writes graphs whose inputs and outputs docs/commands.md lists', async () => {
  const [, table] = (await readFile('docs/commands.md', 'utf8')).split('## The compiled graph');
  const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 60_000 });
  const model = await readFile(MODEL);
  const names = new Set<string>();
  for (const recipe of [
    createRecipe({ preset: 'auto', divergence: 0.1 }),
    createRecipe({ preset: 'dent-smooth' }),
  ]) {
    const { bytes } = await compile(model, recipe, engine);
    const { inputs, outputs } = await inspect(bytes, engine);
    for (const { name } of [...inputs, ...outputs]) names.add(name);
  }
  await engine.close();
  const listed = [...table!.matchAll(/^\|.*?\|(.*?)\|.*\|$/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(new Set(listed)).toEqual(names);
});

it('refuses a graph that is compiled already', async () => {
  const output = join(folder, 'out.onnx');
  await runDent(['compile', MODEL, '-o', output]);
  const { stderr, code } = await runDent(['compile', output, '-o', join(folder, 'again.onnx')]);
  expect(stderr).toBe(
    `dent: ${output}: This graph is compiled already: it adapts itself. Give the model that it was compiled from.\n`,
  );
  expect(code).toBe(1);
  expect(await readdir(folder)).toEqual(['out.onnx']);
});

it.each([
  [
    ['package.json', '-o', 'DIR/out.onnx'],
    1,
    'package.json: This is not an ONNX model: its bytes do not parse. Give a file that an exporter has written (docs/exporting.md), all of it.',
  ],
  [['none.onnx', '-o', 'DIR/out.onnx'], 1, 'none.onnx: it cannot be read, it does not exist.'],
  [[MODEL, '-o', 'DIR'], 1, 'DIR: it cannot be written, it is a folder.'],
  [[MODEL], 2, "required option '-o, --output <out.onnx>' not specified"],
])('fails in one line: %j', async (args, exit, message) => {
  const { stderr, code } = await runDent(['compile', ...args.map((arg) => arg.replace('DIR', folder))]);
  expect(stderr).toBe(`dent: ${message.replace('DIR', folder)}\n`);
  expect(code).toBe(exit);
  expect(await readdir(folder)).toEqual([]);
});
