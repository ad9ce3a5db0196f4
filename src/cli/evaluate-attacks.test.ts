import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluationFolder, reportOf, timeless } from '../../test/fixtures/cli/evaluate.ts';
import { type Ended, runDent } from '../../test/fixtures/cli/run-dent.ts';
import {
  body,
  chain,
  head,
  modelOf,
  plainModel,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { writeLabelledNoise } from '../../test/fixtures/evaluation/labelled-noise.ts';

const { at, evaluating } = await evaluationFolder();
beforeAll(() => writeFile(at('model.onnx'), plainModel));

const evaluate = (...more: string[]): Promise<Ended> => runDent(evaluating(at('model.onnx'), ...more));

describe('dent evaluate, under attack', () => {
  it('attacks recipes, and says how much the attacker could try', async () => {
    const ended = await evaluate(
      ...['--recipes', 'brief', '--attacks', 'transfer,white-box', '--images', '20', '--batch-size', '10'],
      ...['--eps', '16/255', '--iterations', '4', '--targets', '1', '--json', '--html', at('report.html')],
    );
    expect(ended).toMatchObject({ code: 0, stderr: expect.not.stringContaining('bug') });
    const report = reportOf(ended);
    expect(report).toMatchObject({
      eps: 16 / 255,
      norm: 'linf',
      budget: { iterations: 4, targetedIterations: 4, targets: 1 },
    });
    for (const { natural, attacks, worst } of report.recipes) {
      expect(Object.keys(attacks)).toEqual(['transfer', 'white-box']);
      for (const { correct, of } of Object.values(attacks)) {
        expect(of).toBe(20);
        expect(worst!.correct).toBeLessThanOrEqual(correct);
      }
      expect(worst!.correct).toBeLessThanOrEqual(natural.correct);
    }
    // The attack is one that works: it breaks images of the model as it is.
    const [base] = report.recipes;
    expect(base!.attacks.transfer!.correct).toBeLessThan(base!.natural.correct);
    expect(report.advice.map(({ aim }) => aim)).toEqual(['natural', 'attack']);
    const page = await readFile(at('report.html'), 'utf8');
    expect(page).toContain('Worst of all attacks');
    expect(page).toContain('steps of a run 4');
  });

  it('draws curves, which are the same for the same seed, as attacks are', async () => {
    const options = ['--recipes', 'isolated', '--attacks', 'pgd', '--curves', 'steps', '--images', '8'];
    const run = () => evaluate(...options, '--iterations', '2', '--eps', '16/255', '--json');
    const [one, again] = [await run(), await run()];
    expect(timeless(again)).toEqual(timeless(one));
    const { curves } = reportOf(one);
    expect(curves!.map(({ along, recipe, points }) => [along, recipe, points.map(({ at }) => at)])).toEqual([
      ['eps', 'static', [0.5]],
      ['iterations', 'static', [2, 8]],
      ['eps', 'isolated', [0.5]],
      ['iterations', 'isolated', [2, 8]],
      ['steps', 'isolated', [1, 3, 6, 12]],
    ]);
    for (const { points } of curves!) {
      for (const { of, correct, natural } of points) {
        expect(of).toBe(8);
        expect(correct).toBeLessThanOrEqual(natural.correct);
      }
    }
  });

  it('attacks a model of two classes, and says what stands in for a loss that wants more', async () => {
    const two: Write = (b, x) => {
      const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [x])]);
      return b.op('Gemm', [pooled, weights(b, [4, 2], 2), weights(b, [2], 3)]);
    };
    await writeFile(at('two.onnx'), modelOf(chain(body, two)));
    await writeLabelledNoise(at('pair'), ['no', 'yes'], 4);
    const ended = await runDent([
      ...['evaluate', at('two.onnx'), '--data', at('pair'), '--cache-dir', at('cache'), '--threads', '1'],
      ...['--recipes', 'isolated', '--attacks', 'transfer', '--iterations', '2', '--json'],
    ]);
    expect(ended.code).toBe(0);
    const { notes, recipes } = reportOf(ended);
    expect(notes).toEqual([
      expect.stringContaining('The loss dlr wants 3 classes and the model has 2: margin stands in for it.'),
      expect.stringContaining('targeted-margin stands in for it.'),
    ]);
    expect(recipes[0]!.attacks.transfer!.stages!.map(({ name }) => name)).toEqual([
      'APGD-CE',
      'APGD-T',
      'FAB-T',
    ]);
  });
});

describe('dent evaluate, of a network that hides its gradient', () => {
  const behind = async (name: string, front: Write) => {
    await writeFile(at(`${name}.onnx`), modelOf(chain(front, body, head)));
    return (...more: string[]) =>
      runDent([
        ...['evaluate', at(`${name}.onnx`), '--data', at('data'), '--cache-dir', at('cache')],
        ...['--threads', '1', '--recipes', 'static', '--json', ...more],
      ]);
  };

  it('attacks one that rounds its pixels, and says that there is nothing to follow', async () => {
    const run = await behind('rounding', (b, x) => b.op('Round', [b.op('Mul', [x, 4])]));
    const attack = ['--attacks', 'transfer,square', '--iterations', '2', '--queries', '20', '--images', '12'];
    const ended = await run(...attack);
    expect(ended).toMatchObject({ code: 0 });
    const { alarms, recipes } = reportOf(ended);
    expect(alarms).toContainEqual(expect.objectContaining({ code: 'zero-gradients', recipe: 'static' }));
    expect(recipes[0]!.attacks.transfer!.of).toBe(12);
  });

  it('says that one answers by chance, and before any work that it cannot be attacked', async () => {
    const run = await behind('chance', (b, x) =>
      b.op('Add', [
        x,
        b.op('RandomNormalLike', [x], { name: 'noise', attributes: { scale: { float: 0.5 } } }),
      ]),
    );
    const { alarms } = reportOf(await run());
    expect(alarms).toContainEqual(expect.objectContaining({ code: 'answers-vary' }));
    const { code, stderr } = await run('--attacks', 'transfer');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /chance cannot be attacked: RandomNormalLike "noise" has no gradient rule, so no gradient passes it\. Without --attacks and --curves it can be measured\.\n$/,
    );
  });
});
