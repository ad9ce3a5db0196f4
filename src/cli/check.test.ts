import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Ended, runDent } from '../../test/fixtures/cli/run-dent.ts';

const BUNDLED = new URL('../../models/cifar10-resnet14/', import.meta.url);

let folder: string;
let root: string;
let manifest: Record<string, unknown>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-check-'));
  manifest = JSON.parse(await readFile(new URL('model.json', BUNDLED), 'utf8'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  root = await mkdtemp(join(folder, 'models-'));
});

const check = (dir: string, env: Record<string, string> = {}): Promise<Ended> =>
  runDent(['check', dir], { DENT_CACHE_DIR: join(folder, 'cache'), DENT_THREADS: '1', ...env });

async function write(name: string, changes: object = {}, versions: readonly number[] = [1]): Promise<void> {
  await mkdir(join(root, name), { recursive: true });
  const recipes = { recipes: { static: {} }, defaultRecipe: 'static' };
  await writeFile(join(root, name, 'model.json'), JSON.stringify({ ...manifest, ...recipes, ...changes }));
  for (const version of versions) {
    await mkdir(join(root, name, `${version}`));
    await copyFile(new URL('1/model.onnx', BUNDLED), join(root, name, `${version}`, 'model.onnx'));
  }
}

it('says what a repository without faults holds, and what it passes over', async () => {
  await write('a', {}, [1, 2]);
  await write('b', { recipes: { isolated: { preset: 'isolated' } }, defaultRecipe: 'isolated' });
  const calibrated = { recipes: { auto: { preset: 'auto' } }, defaultRecipe: 'auto' };
  await write('c', { ...calibrated, calibrated: { auto: '0'.repeat(64) } });
  await mkdir(join(root, 'a', 'backup'));
  const { stdout, stderr, code } = await check(root);
  const of = '(32 x 32, 10 classes,';
  expect(stdout).toBe(
    `${root}: 3 models, 4 versions, no fault: a:1 ${of} static), a:2 ${of} static), b:1 ${of} isolated), c:1 ${of} auto).\n`,
  );
  expect(stderr).toBe(
    [
      `dent: warning: ${join(root, 'a/backup')}: this folder is passed over, as the name of a version is a positive whole number.\n`,
      'dent: warning: c:1: the recipe "auto" was calibrated on another file (SHA-256 000000000000…, this one has dc33bfd6fcbd…), so it may choose wrongly; run dent calibrate c --recipe auto --data DIR --write.\n',
    ].join(''),
  );
  expect(code).toBe(0);
}, 120_000);

it('prints a line for each of six faults', async () => {
  await write('good');
  // Two faults in one manifest, beside a model file that is no model.
  await write('a', { shareBatches: 'no', lables: [] }, []);
  await mkdir(join(root, 'a', '1'));
  await writeFile(join(root, 'a', '1', 'model.onnx'), 'no model');
  // A manifest that fits the schema but not its model, in two ways.
  await write('b', { labels: ['cat', 'dog'], input: { ...(manifest.input as object), width: 64 } });
  // A version without a file beside a good one.
  await write('c');
  await mkdir(join(root, 'c', '2'));

  const { stdout, stderr, code } = await check(root);
  const at = (path: string): string => `${join(root, path)}: `;
  expect(stdout.trimEnd().split('\n')).toEqual([
    expect.stringMatching(`${at('a/model.json')}there is no field "lables"`),
    `${at('a/model.json')}the field "shareBatches" must be true or false.`,
    expect.stringMatching(at('a/1/model.onnx')),
    `${at('b/model.json')}the field "labels" has 2 entries; ${join(root, 'b/1/model.onnx')} has 10 classes. List a label for each class, in the order of the output "logits".`,
    expect.stringMatching(`${at('b/model.json')}the field "input" makes images of 3 x 32 x 64`),
    `${at('c/2/model.onnx')}the model is missing; put the ONNX file there.`,
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(1);
}, 120_000);

it('tells what each recipe is refused for', async () => {
  const recipes = { a: { sigma: 'off', affine: 'off', steps: 1 }, b: { preset: 'static' } };
  await write('m', { recipes, defaultRecipe: 'b' });
  const { stdout, code } = await check(root);
  expect(stdout).toBe(
    `${join(root, 'm/1/model.onnx')}: The recipe has steps but nothing to adapt: affine is off and sigma is off or fixed. Turn one on, or ask for 0 steps.\n`,
  );
  expect(code).toBe(1);
}, 120_000);

it.each([
  [
    'a folder that is missing',
    '/none',
    {},
    '/none: the model repository is missing; name its folder with DENT_MODELS or --models.\n',
  ],
  [
    'a default model that is not there',
    'models',
    { DENT_DEFAULT_MODEL: 'best' },
    'models: there is no model "best" to serve by default; set DENT_DEFAULT_MODEL to one of cifar10-resnet14.\n',
  ],
])(
  'names %s',
  async (_, dir, env, line) => {
    const { stdout, code } = await check(dir, env);
    expect([stdout, code]).toEqual([line, 1]);
  },
  120_000,
);

it('does not wait for a pipe', async () => {
  await write('m', {}, []);
  await mkdir(join(root, 'm', '1'));
  execFileSync('mkfifo', [join(root, 'm', '1', 'model.onnx')]);
  const { stdout, code } = await check(root);
  expect([stdout, code]).toEqual([
    `${join(root, 'm/1/model.onnx')}: the model cannot be read, it is no regular file.\n`,
    1,
  ]);
}, 120_000);
