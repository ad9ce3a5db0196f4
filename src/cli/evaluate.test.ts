import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluationFolder, LABELS, reportOf, timeless } from '../../test/fixtures/cli/evaluate.ts';
import { type Ended, runDent, startDent } from '../../test/fixtures/cli/run-dent.ts';
import { plainModel } from '../../test/fixtures/dent/models.ts';
import { writeModel } from '../../test/fixtures/models/write-model.ts';

const { at, evaluating } = await evaluationFolder();
beforeAll(() => writeFile(at('model.onnx'), plainModel));

const args = (...more: string[]): string[] => evaluating(at('model.onnx'), ...more);
const evaluate = (...more: string[]): Promise<Ended> => runDent(args(...more));

describe('dent evaluate', () => {
  it('measures every recipe on the same images, under every shift', async () => {
    const ended = await evaluate(
      '--recipes',
      'norm,brief',
      '--shifts',
      'noise,jpeg-5',
      '--batch-size',
      '16',
      '--json',
    );
    expect(ended.code).toBe(0);
    const report = reportOf(ended);
    expect(report).toMatchObject({
      model: at('model.onnx'),
      images: 40,
      batchSize: 16,
      seed: 0,
      device: 'cpu',
    });
    expect(report.recipes.map(({ name }) => name)).toEqual(['static', 'norm', 'brief']);
    for (const { natural, shifts, worst, attacks } of report.recipes) {
      expect(natural.of).toBe(40);
      expect(natural.accuracy).toBeCloseTo(natural.correct / 40, 10);
      expect(natural.interval[0]).toBeLessThanOrEqual(natural.accuracy);
      expect(Object.keys(shifts)).toEqual(['noise', 'jpeg-5']);
      // Nothing was tried on the rows.
      expect(attacks).toEqual({});
      expect(worst?.correct).toBe(natural.correct);
    }
    const [base, , brief] = report.recipes;
    expect(base!.gain).toBeUndefined();
    expect(brief!.gain).toEqual(brief!.natural.gain);
    expect(base!.meanSteps).toBe(0);
    expect(brief!.meanSteps).toBeGreaterThan(0);
    expect(report.advice.map(({ aim }) => aim)).toEqual(['natural', 'shift']);
  });

  it('gives the same report for the same seed but for times, however it is cut where rows are independent', async () => {
    const uncut = (ended: Ended) => ({ ...timeless(ended), batchSize: 0 });
    const options = ['--recipes', 'brief', '--shifts', 'salt,fog', '--images', '20', '--json'];
    const [one, again, cut, other] = [
      await evaluate(...options),
      await evaluate(...options),
      await evaluate(...options, '--batch-size', '7'),
      await evaluate(...options, '--seed', '1'),
    ];
    expect(timeless(again)).toEqual(timeless(one));
    expect(uncut(cut)).toEqual(uncut(one));
    expect(timeless(other)).not.toEqual({ ...timeless(one), seed: 1 });
  });

  it('treats a batch too small for its recipe as the service does', async () => {
    const ended = await evaluate('--recipes', 'norm,isolated', '--images', '12', '--json');
    const [, norm, isolated] = reportOf(ended).recipes;
    expect(norm!.meanSteps).toBe(6);
    expect(norm!.natural.correct).toBe(isolated!.natural.correct);
  });

  it('claims nothing from one image', async () => {
    const { stdout, code } = await evaluate('--images', '1', '--recipes', 'isolated');
    expect(code).toBe(0);
    expect(stdout).toContain('1 image in batches');
    expect(stdout).toContain('for images as they are: none.');
  });

  it('prints a table with advice that can be pasted', async () => {
    const { stdout } = await evaluate('--recipes', 'norm', '--shifts', 'dark');
    expect(stdout).toMatch(/% right \(95 %\) +static +norm\n/);
    expect(stdout).toMatch(/\ndark +\d/);
    const lines = stdout.split('\n').filter((line) => line.startsWith('  {'));
    expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual([
      ['recipes', 'defaultRecipe'],
      ['recipes', 'defaultRecipe'],
    ]);
  });

  it('takes a model of the repository, its own recipes and its labels', async () => {
    const manifest = {
      input: { width: 8, height: 6, channels: 'rgb', scale: 1 / 255 },
      labels: LABELS,
      recipes: { own: { preset: 'isolated', steps: 2 } },
      defaultRecipe: 'own',
    };
    await writeModel(at('models'), 'tiny', plainModel, manifest);
    const run = (...more: string[]) => runDent(evaluating('tiny', ...more));
    const report = reportOf(await run('--json'));
    expect(report.model).toBe('tiny');
    expect(report.recipes.map(({ name, meanSteps }) => [name, meanSteps])).toEqual([
      ['static', 0],
      ['own', 2],
    ]);
    expect(await run('--recipes', 'own,nonsense')).toMatchObject({
      code: 2,
      stderr: "dent: --recipes: there is no recipe nonsense; the model's own are own, beside the presets\n",
    });
    await mkdir(at('data/f'));
    expect(await run()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the folder f is no class of the model'),
    });
    await rm(at('data/f'), { recursive: true });
  });
});

describe('dent evaluate, where it cannot go on', () => {
  it.each([
    [['--shifts', 'rain'], 'There is no shift "rain"'],
    [['--images', '0'], '--images'],
    [['--seed', '-1'], '--seed'],
    [['--attacks', 'magic'], 'There is no attack "magic"'],
    [['--eps', '0'], '--eps'],
    [['--eps', '1e5'], '--eps'],
    [['--recipes', 'norm,'], 'It must be names with commas between them.'],
    [['--recipes', ''], 'It must be names with commas between them.'],
    [['--norm', 'l1'], '--norm'],
    [['--budget', 'endless'], '--budget'],
    [['--curves', 'height'], 'There is no curve "height"'],
  ])('refuses %j as wrong usage, in a line', async (options, part) => {
    const { code, stderr, stdout } = await evaluate(...options);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(part);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  it('takes sizes as programs write them', async () => {
    const options = ['--eps', '1E-2/2', '--attacks', 'pgd', '--images', '1', '--recipes', 'static'];
    const { eps } = reportOf(await evaluate(...options, '--iterations', '1', '--json'));
    expect(eps).toBe(0.005);
  });

  it('says which model there is not', async () => {
    const { code, stderr } = await runDent(['evaluate', 'nothing', '--data', at('data')]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'dent: nothing: it is no ONNX file, and no model of models, which holds cifar10-resnet14.\n',
    );
  });

  it('prints what was done when it is interrupted, and says that it is partial', async () => {
    const options = ['--recipes', 'isolated', '--shifts', 'all,common', '--batch-size', '1', '--json'];
    const slow = startDent(args(...options, '--save', at('kept')));
    const kept = async () => (await readdir(at('kept')).catch(() => [])).length;
    // An image has 21 files: some images are through, and most are not.
    while ((await kept()) < 50 && slow.process.exitCode === null) await pause(10);
    slow.process.kill('SIGINT');
    const ended = await slow.ended;
    expect(ended.code).toBe(130);
    const { partial, images, recipes } = reportOf(ended);
    expect(partial).toBe(true);
    expect(images).toBeGreaterThanOrEqual(2);
    expect(images).toBeLessThan(40);
    for (const { worst } of recipes) expect(worst!.of).toBeGreaterThanOrEqual(2);
    // What was kept can be replayed.
    const { batches } = JSON.parse(await readFile(at('kept/labels.json'), 'utf8'));
    expect(batches.length).toBeGreaterThanOrEqual(50);
  });
});
