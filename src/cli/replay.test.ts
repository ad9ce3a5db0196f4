import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDent } from '../../test/fixtures/cli/run-dent.ts';
import { plainModel } from '../../test/fixtures/dent/models.ts';
import { type Running, startDent } from '../../test/fixtures/serving/processes.ts';
import { noise, picture } from '../../test/images/pictures.ts';

const manifest = {
  input: {
    width: 8,
    height: 6,
    channels: 'rgb',
    scale: 1 / 255,
    mean: [0.4, 0.5, 0.6],
    std: [0.2, 0.25, 0.3],
  },
  labels: ['a', 'b', 'c', 'd', 'e'],
  recipes: {
    isolated: { preset: 'isolated' },
    dent: { preset: 'dent' },
    norm: { preset: 'norm' },
    static: {},
  },
  batching: { maxBatchSize: 16, maxDelayMs: 500 },
};

let dir: string;
let server: Running;
const at = (name: string): string => join(dir, name);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dent-replay-'));
  await mkdir(at('models/tiny/1'), { recursive: true });
  await writeFile(at('models/tiny/1/model.onnx'), plainModel);
  await writeFile(at('models/tiny/model.json'), JSON.stringify(manifest));
  for (const [label, name] of manifest.labels.entries()) {
    await mkdir(at(`data/${name}`), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const pixels = noise(6 * 8 * 3, 100 * label + i);
      await writeFile(at(`data/${name}/${i}.png`), await picture(pixels, 8, 6, 3).png().toBuffer());
    }
  }
  server = await startDent(['serve', '--models', at('models'), '--threads', '1'], {
    DENT_CACHE_DIR: at('cache'),
  });
});
afterAll(async () => {
  server.process.kill('SIGINT');
  await server.exit;
  await rm(dir, { recursive: true });
});

const evaluate = (...more: string[]) =>
  runDent([
    'evaluate',
    'tiny',
    '--models',
    at('models'),
    '--data',
    at('data'),
    '--cache-dir',
    at('cache'),
    '--threads',
    '1',
    ...more,
  ]);
const replay = (...more: string[]) =>
  runDent(['evaluate', '--replay', at('saved'), '--url', server.url, ...more]);

describe('dent evaluate --save and --replay', () => {
  it('confirm every figure through HTTP, the batches being the very same', async () => {
    const measured = await evaluate(
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
    expect((await replay()).stdout).toMatch(/condition +recipe +rows +% saved +% by HTTP/);
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
    expect(ended.stdout).toContain('natural');
    expect(ended.stderr).toContain(
      `${server.url} does not confirm the figures: 1 of 480 answers are others.`,
    );
  });

  it('say what the server refuses, and where there is none', async () => {
    const other = await runDent(['evaluate', 'unknown', '--replay', at('saved'), '--url', server.url]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain(
      '/v2/models/unknown/infer: the server refuses: There is no model "unknown"',
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
