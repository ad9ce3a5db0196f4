import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runDent } from '../../test/fixtures/cli/run-dent.ts';
import {
  body,
  chain,
  head,
  images,
  imageType,
  modelOf,
  twoHeads,
  type Write,
} from '../../test/fixtures/dent/models.ts';
import { decodeModel } from '../onnx/index.ts';
import { encodeNpy } from './npy.ts';

const mirrored: Write = (b, x) =>
  b.op('Pad', [x, b.ints([0, 0, 1, 1, 0, 0, 1, 1])], { name: 'mirrored', attributes: { mode: 'reflect' } });
const openModel = modelOf(chain(body, mirrored, head), {
  type: { ...imageType, shape: ['batch', 'channels', 'height', 'width'] },
});

let folder: string;
let open: string;
let heads: string;
let x: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-options-'));
  [open, heads, x] = ['open.onnx', 'heads.onnx', 'x.npy'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(open, openModel);
  await writeFile(heads, twoHeads());
  await writeFile(x, encodeNpy(images(4)));
});
afterAll(() => rm(folder, { recursive: true }));

const y = (): string => join(folder, 'y.npy');

it('takes the size of a model that leaves it open from --size', async () => {
  const { stdout, code } = await runDent(['inspect', open, '--size', '6x8']);
  expect(stdout).toContain('takes "image" as float32 NCHW images of 3 x 6 x 8 (channels, height, width)');
  expect(stdout).toContain('height and width are open in the file');
  expect(code).toBe(0);
  const compiled = join(folder, 'compiled.onnx');
  expect(await runDent(['compile', open, '-o', compiled, '--size', '12'])).toMatchObject({ code: 0 });
  const [input] = decodeModel(await readFile(compiled)).graph.inputs;
  expect(input!.type!.shape).toEqual(['N', 3, 12, 12]);
});

it('says how to give the size where one is needed', async () => {
  const { stderr, code } = await runDent(['compile', open, '-o', join(folder, 'none.onnx')]);
  expect(stderr).toContain('Pad "mirrored": padding an open axis by reflect has no gradient rule.');
  expect(stderr).toContain('for one size, by --size or');
  expect(code).toBe(1);
});

it('takes the size from the array that is adapted', async () => {
  const { stdout, stderr, code } = await runDent(['adapt', open, '--input', x, '--output', y()]);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  expect(stdout).toContain('logits [4, 5]');
});

it('measures a model of open size', async () => {
  const options = ['--size', '6x8', '--batch-size', '2', '--steps', '0', '--repeats', '1', '--json'];
  expect(await runDent(['bench', open, ...options])).toMatchObject({ stderr: '', code: 0 });
});

it.each(['0', '6x', '9000'])('does not take %j for a size', async (size) => {
  const { stderr, code } = await runDent(['inspect', open, '--size', size]);
  expect(stderr).toMatch(/^dent: option '--size <HxW>' argument .* such as 224 or 224x320\.\n$/);
  expect(code).toBe(2);
});

it('takes the output that is named, and says so', async () => {
  const refused = await runDent(['inspect', heads]);
  expect(refused.stdout).toContain('"embedding" [batch, 6], "logits" [batch, 5]');
  expect(refused.stdout).toContain('--output NAME');
  expect(refused.code).toBe(1);

  const inspected = await runDent(['inspect', heads, '--output', 'logits']);
  expect(inspected.stdout).toContain('takes "logits" as logits of 5 classes, and leaves out embedding\n');
  expect(inspected.code).toBe(0);

  const files = ['--input', x, '--output', y()];
  const adapted = await runDent(['adapt', heads, ...files, '--model-output', 'logits']);
  expect(adapted.stdout).toContain('logits [4, 5]');
  expect(adapted.stderr).toBe(
    `dent: ${heads}: takes "logits" as logits of 5 classes, and leaves out embedding\n`,
  );

  const compiled = join(folder, 'embedding.onnx');
  await runDent(['compile', heads, '-o', compiled, '--model-output', 'embedding']);
  expect(decodeModel(await readFile(compiled)).graph.outputs[0]!.name).toBe('embedding');
});

it('names the device, and no file, where CUDA is missing', async () => {
  for (const command of [
    ['bench', open, '--size', '8'],
    ['adapt', open, '--input', x, '--output', `${x}.out`],
  ]) {
    const { code, stderr } = await runDent([...command, '--device', 'cuda']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^dent: The device "cuda" was asked for, .+; the device "cpu" needs nothing\.\n$/);
  }
});
