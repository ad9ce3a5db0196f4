import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Ended, runDent } from '../../test/fixtures/cli/run-dent.ts';
import {
  body,
  chain,
  head,
  modelOf,
  modelOfOutputs,
  twoHeads,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { DATA_TYPE, float32Constant } from '../onnx/index.ts';
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from '../onnx/proto/onnx_pb.ts';

const BUNDLED = 'models/cifar10-resnet14/1/model.onnx';

let folder: string;
let root: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-init-'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  const own = await mkdtemp(join(folder, 'case-'));
  root = join(own, 'models');
  file = join(own, 'file.onnx');
});

const dent = (...args: string[]): Promise<Ended> =>
  runDent(args, { DENT_CACHE_DIR: join(folder, 'cache'), DENT_THREADS: '1' });
const init = (model: string, ...more: string[]): Promise<Ended> =>
  dent('init', model, '--name', 'm', '--models', root, ...more);
const manifestOf = async (name = 'm') => JSON.parse(await readFile(join(root, name, 'model.json'), 'utf8'));

it('writes a repository that dent check accepts, and names what it guessed', async () => {
  const { stdout, stderr, code } = await init(BUNDLED);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(await manifestOf()).toEqual({
    description: 'model.onnx, written by pytorch 1.13.0',
    input: { width: 32, height: 32, channels: 'rgb', scale: 1 / 255, fit: 'cover' },
    recipes: { isolated: { preset: 'isolated' }, static: { preset: 'static' } },
    defaultRecipe: 'isolated',
    labels: Array.from({ length: 10 }, (_, i) => `class ${i}`),
  });
  for (const guessed of ['channels is "rgb"', 'fit is "cover"', 'labels are "class 0" to "class 9"']) {
    expect(stdout).toContain(guessed);
  }
  // The bundled model normalises inside.
  expect(stdout).toContain('fits pixels of 0 to 1: there is no mean and std');
  expect(await readFile(join(root, 'm/1/model.onnx'))).toEqual(await readFile(BUNDLED));
  expect(await readdir(root)).toEqual(['m']);
  expect((await dent('check', root)).code).toBe(0);
}, 120_000);

it('takes from a file what it says: size, scaling and the names of the classes', async () => {
  const scale: Write = (b, x) => b.op('Mul', [b.op('Sub', [x, 127.5]), 1 / 127.5]);
  const metadata = { names: "{0: 'cat', 1: 'dog', 2: 'cow', 3: 'pig', 4: 'hen'}" };
  await writeFile(file, modelOf(chain(scale, body, head), { metadata }));
  const { stdout, code } = await init(file);
  expect(code).toBe(0);
  const { input, labels } = await manifestOf();
  expect(input).toEqual({ width: 8, height: 6, channels: 'rgb', scale: 1, fit: 'cover' });
  expect(labels).toEqual(['cat', 'dog', 'cow', 'pig', 'hen']);
  expect(stdout).toContain('fits pixels of 0 to 255');
  expect(stdout).not.toContain('class 0');
}, 120_000);

it('takes the size that it is told where the file leaves it open, and says so', async () => {
  const type = { dataType: DATA_TYPE.float32, shape: ['batch', 3, 'h', 'w'] };
  await writeFile(file, modelOf(chain(body, head), { type }));
  const { stdout, code } = await init(file, '--size', '96');
  expect(code).toBe(0);
  expect((await manifestOf()).input).toMatchObject({ width: 96, height: 96, mean: [0.485, 0.456, 0.406] });
  expect(stdout).toContain('input.width and input.height are 96 and 96: the file leaves them open');
  expect(stdout).toContain('input.mean and input.std are those of ImageNet');
}, 120_000);

it('writes down which of several outputs it took, and takes the one that is named', async () => {
  await writeFile(file, twoHeads());
  const { stderr, code } = await init(file);
  expect(stderr).toContain('"embedding" [batch, 6], "logits" [batch, 5]');
  expect(code).toBe(1);
  expect(await init(file, '--output', 'logits')).toMatchObject({ stderr: '', code: 0 });
  const { output, labels } = await manifestOf();
  expect([output, labels.length]).toEqual(['logits', 5]);

  // Logits stand behind features.
  const features: Write = (b, x) => b.op('Flatten', [b.op('GlobalAveragePool', [body(b, x)])]);
  const both = modelOfOutputs((b, x) => {
    const flat = features(b, x);
    return { features: [flat, 4], classes: [b.op('Gemm', [flat, weights(b, [4, 3], 2)]), 3] };
  });
  await writeFile(file, both);
  await rm(join(root, 'm'), { recursive: true });
  const { stdout } = await init(file);
  expect(stdout).toContain('output is "classes", and not features');
  expect((await manifestOf()).output).toBe('classes');
}, 120_000);

it('takes the files of weights along', async () => {
  const proto = fromBinary(ModelProtoSchema, modelOf(chain(body, head)));
  const tensor = proto.graph!.initializer[0]!;
  const folderOf = join(file, '..');
  await mkdir(join(folderOf, 'weights'));
  await writeFile(join(folderOf, 'weights', 'w.bin'), tensor.rawData);
  tensor.rawData = new Uint8Array();
  tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
  tensor.externalData = [create(StringStringEntryProtoSchema, { key: 'location', value: 'weights/w.bin' })];
  await writeFile(file, toBinary(ModelProtoSchema, proto));
  const { code } = await init(file);
  expect(code).toBe(0);
  expect(await readdir(join(root, 'm/1'))).toEqual(['model.onnx', 'weights']);
  expect(await readdir(join(root, 'm/1/weights'))).toEqual(['w.bin']);
}, 120_000);

it('serves a model that cannot be adapted as it is', async () => {
  // A layer that rounds its numbers lets no gradient through.
  await writeFile(file, modelOf(chain(body, (b, x) => b.op('Round', [x]), head)));
  const { stdout, code } = await init(file);
  expect(code).toBe(0);
  expect(await manifestOf()).toMatchObject({ recipes: { static: {} }, defaultRecipe: 'static' });
  expect(stdout).toContain('The model cannot be adapted, so "static" is its only recipe:');
}, 120_000);

it('leaves alone what is there', async () => {
  await mkdir(join(root, 'm'), { recursive: true });
  const { stderr, code } = await init(BUNDLED);
  expect(stderr).toContain(`dent: ${join(root, 'm')}: it is there already and is left as it is;`);
  expect(code).toBe(1);
  expect(await readdir(join(root, 'm'))).toEqual([]);
});

it('names what is at fault, and writes nothing', async () => {
  await mkdir(root);
  const type = { dataType: DATA_TYPE.float32, shape: ['batch', 4, 6, 8] };
  const four: Write = (b, x) =>
    b.op('Conv', [x, b.constant(float32Constant([4, 4, 1, 1], new Float32Array(16).fill(0.1)))]);
  await writeFile(file, modelOf(chain(four, head), { type }));
  const faults = [
    await init(file),
    await init('package.json'),
    await init('none.onnx'),
    await dent('init', BUNDLED, '--models', root, '--name', 'a/b'),
  ];
  expect(faults.map(({ code }) => code)).toEqual([1, 1, 1, 1]);
  expect(faults.map(({ stderr }) => stderr.trimEnd())).toEqual([
    `dent: ${file}: The model takes images of 4 channels; dent-serve makes images of 1 (gray) or 3 (rgb, bgr).`,
    'dent: package.json: This is not an ONNX model: its bytes do not parse. Give a file that an exporter has written (docs/exporting.md), all of it.',
    'dent: none.onnx: it cannot be read, it does not exist.',
    expect.stringContaining('dent: --name: "a/b" is no name of a model'),
  ]);
  expect(await readdir(root)).toEqual([]);
}, 120_000);
