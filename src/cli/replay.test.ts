import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationFolder, LABELS } from '../../test/fixtures/cli/evaluate.ts';
import { runDent } from '../../test/fixtures/cli/run-dent.ts';
import { body, chain, head, modelOf, plainModel, type Write } from '../../test/fixtures/dent/models.ts';
import { writeModel } from '../../test/fixtures/models/write-model.ts';
import { type Running, startDent } from '../../test/fixtures/serving/processes.ts';
import { createKey, digestOf } from '../access/index.ts';
import { DATA_TYPE } from '../onnx/index.ts';

const toFloat: Write = (b, x) => b.op('Cast', [x], { attributes: { to: DATA_TYPE.float32 } });
/** Takes the bytes of pixels, and normalises them itself. */
const normalise: Write = (b, x) => b.op('Mul', [x, 1 / 255]);
const bytesModel = modelOf(chain(toFloat, normalise, body, head), {
  type: { dataType: DATA_TYPE.uint8, shape: ['n', 3, 6, 8] },
});

const manifest = {
  input: {
    width: 8,
    height: 6,
    channels: 'rgb',
    scale: 1 / 255,
    mean: [0.4, 0.5, 0.6],
    std: [0.2, 0.25, 0.3],
  },
  labels: LABELS,
  recipes: {
    isolated: { preset: 'isolated' },
    dent: { preset: 'dent' },
    norm: { preset: 'norm' },
    static: {},
  },
  batching: { maxBatchSize: 16, maxDelayMs: 500 },
};

const { at, evaluating } = await evaluationFolder();
let server: Running;
beforeAll(async () => {
  await writeModel(at('models'), 'tiny', plainModel, manifest);
  const { scale, mean, std, ...input } = manifest.input;
  const ofBytes = {
    ...manifest,
    input: { ...input, scale: 1 },
    recipes: { isolated: { preset: 'isolated' }, static: {} },
  };
  await writeModel(at('models'), 'bytes', bytesModel, ofBytes);
  const ofPlain = { ...manifest, recipes: { isolated: { preset: 'isolated' } } };
  await writeModel(at('models'), 'plain', plainModel, ofPlain);
  const key = createKey();
  await writeFile(at('key'), `${key}\n`);
  const entry = { name: 'replay', sha256: digestOf(key), scopes: ['predict'] };
  await writeFile(at('keys.json'), JSON.stringify({ keys: [entry] }));
  server = await startDent(['serve', '--models', at('models'), '--threads', '1'], {
    DENT_CACHE_DIR: at('cache'),
    DENT_API_KEYS_FILE: at('keys.json'),
  });
});
afterAll(async () => {
  server.process.kill('SIGINT');
  await server.exit;
});

const evaluate = (model: string, ...more: string[]) => runDent(evaluating(model, ...more));
const KEYED = () => ['--url', server.url, '--api-key-file', at('key')];
const replay = (...more: string[]) => runDent(['evaluate', '--replay', at('saved'), ...KEYED(), ...more]);

describe('dent evaluate --save and --replay', () => {
  it('confirm every figure through HTTP, the batches being the very same', async () => {
    const measured = await evaluate(
      'tiny',
      '--shifts',
      'noise,dark',
      '--batch-size',
      '16',
      '--save',
      at('saved'),
      '--json',
    );
    expect(measured.code).toBe(0);
    const { recipes } = JSON.parse(measured.stdout);
    const ended = await replay('--json');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const replayed: Record<string, unknown>[] = JSON.parse(ended.stdout);
    for (const { name, natural, shifts, attacks } of recipes) {
      for (const [condition, { correct, of }] of Object.entries<{ correct: number; of: number }>({
        natural,
        ...shifts,
        ...attacks,
      })) {
        expect(replayed).toContainEqual({
          condition,
          recipe: name,
          rows: of,
          savedCorrect: correct,
          correct,
          differ: 0,
          inOtherBatches: 0,
        });
      }
    }
    expect(replayed).toHaveLength(4 * 3);
  });

  it('confirm attacks on a model that takes bytes', async () => {
    const measured = await evaluate(
      'bytes',
      ...[
        '--attacks',
        'pgd',
        '--eps',
        '64/255',
        '--iterations',
        '5',
        '--batch-size',
        '16',
        '--save',
        at('bytes'),
        '--json',
      ],
    );
    expect(measured.code).toBe(0);
    const [base] = JSON.parse(measured.stdout).recipes;
    expect(base.attacks.pgd.correct).toBeLessThan(base.natural.correct);
    const ended = await runDent(['evaluate', '--replay', at('bytes'), ...KEYED(), '--json']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toContainEqual({
      condition: 'pgd',
      recipe: 'static',
      rows: 40,
      savedCorrect: base.attacks.pgd.correct,
      correct: base.attacks.pgd.correct,
      differ: 0,
      inOtherBatches: 0,
    });
  });

  it('say so where the server answers otherwise', async () => {
    const path = at('saved/labels.json');
    const index = JSON.parse(await readFile(path, 'utf8'));
    const changed = structuredClone(index);
    changed.batches[0].answers.norm[0] = (changed.batches[0].answers.norm[0] + 1) % 5;
    await writeFile(path, JSON.stringify(changed));
    const ended = await replay();
    await writeFile(path, JSON.stringify(index));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/condition +recipe +rows +% saved +% by HTTP/);
    expect(ended.stdout).toContain('natural');
    expect(ended.stderr).toContain(
      `${server.url} does not confirm the figures: 1 of 480 answers are others.`,
    );
  });

  it('say what the server refuses, and where there is none', async () => {
    const other = await runDent(['evaluate', 'unknown', '--replay', at('saved'), ...KEYED()]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('/v1/models/unknown: the server refuses: There is no model "unknown"');
    const keyless = await runDent(['evaluate', '--replay', at('saved'), '--url', server.url]);
    expect(keyless).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the server refuses: A key is needed.* --api-key-file names the file/),
    });
    await writeFile(at('wordy'), 'my key');
    const wordy = await replay('--api-key-file', at('wordy'));
    expect(wordy.stderr).toBe(
      `dent: ${at('wordy')}: it must hold one API key and nothing else; \`dent key\` makes one.\n`,
    );
    const nobody = await runDent(['evaluate', '--replay', at('saved'), '--url', 'http://127.0.0.1:1']);
    expect(nobody).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('http://127.0.0.1:1: the server cannot be reached'),
    });
    const nothing = await runDent(['evaluate', '--replay', at('data'), '--url', server.url]);
    expect(nothing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('labels.json: it cannot be read, it does not exist.'),
    });
  });

  it.each([
    [['--replay', 'x'], '--replay needs --url'],
    [['--replay', 'x', '--url', 'localhost:8080'], 'It must be an address such as'],
    [['--data', 'x'], 'name a model of the repository or an ONNX file'],
    [['tiny'], '--data is missing'],
  ])('refuse %j as wrong usage', async (options, part) => {
    const { code, stderr } = await runDent(['evaluate', ...options]);
    expect(code).toBe(2);
    expect(stderr).toContain(part);
  });
});

describe('dent evaluate --replay, of a model whose manifest has no recipe static', () => {
  const save = async (recipes: string, to: string) => {
    const options = ['--recipes', recipes, '--images', '16', '--batch-size', '16', '--save', at(to)];
    expect(await evaluate('plain', ...options)).toMatchObject({ code: 0 });
  };
  const again = (from: string, model = 'plain') =>
    runDent(['evaluate', model, '--replay', at(from), ...KEYED(), '--json']);
  beforeAll(() => save('isolated', 'plain'));

  it('confirm static by what stands beside every answer', async () => {
    const ended = await again('plain');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const figures = JSON.parse(ended.stdout).map(({ recipe, rows, differ }: Record<string, unknown>) => [
      recipe,
      rows,
      differ,
    ]);
    expect(figures).toEqual([
      ['static', 16, 0],
      ['isolated', 16, 0],
    ]);
  });

  it('say which other recipe is missing, and what to write', async () => {
    await save('norm', 'plain-norm');
    expect(await again('plain-norm')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `dent: ${server.url}: the model plain there has no recipe norm; write {"norm":{"preset":"norm"}} into the recipes of its model.json.\n`,
    });
  });

  it('say that a recipe has other settings there', async () => {
    const path = at('plain/labels.json');
    const index = await readFile(path, 'utf8');
    const changed = JSON.parse(index);
    changed.recipes.isolated.floor = 0.001;
    await writeFile(path, JSON.stringify(changed));
    const ended = await again('plain');
    await writeFile(path, index);
    expect(ended).toMatchObject({
      code: 0,
      stderr:
        'dent: The recipe isolated has other settings there: floor off and not 0.001. Its answers are the same.\n',
    });
  });

  it('say that the model is another one there', async () => {
    const { code, stderr } = await again('plain', 'bytes');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /does not confirm the figures: \d+ of 32 answers are others\. The file of bytes there is another one \(sha256 [0-9a-f]{12}…\) than the batches are of \([0-9a-f]{12}…\)\.\n$/,
    );
  });

  it('say that something else answers at the address', async () => {
    const other = createServer((_, response) => response.end('{}'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const ended = await runDent(['evaluate', '--replay', at('plain'), '--url', url]);
    other.close();
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no dent server answers there'),
    });
  });
});
