import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from '../engine/index.ts';
import { float32, int64, rows, type Tensor } from '../tensor.ts';
import { compile, createRecipe, stoppedBy, updatesMade } from './index.ts';

const folder = new URL('../../test/golden/architectures/', import.meta.url);

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 60_000 });
afterAll(() => engine.close());

const ROWS = 7;

function images(): Tensor<'float32'> {
  const { buffer, byteOffset } = readFileSync(new URL('images.f32', folder));
  const length = ROWS * 3 * 32 * 32;
  return float32([ROWS, 3, 32, 32], new Float32Array(buffer.slice(byteOffset, byteOffset + length * 4)));
}

interface Answer {
  readonly logits: Tensor;
  readonly staticLogits: Tensor;
  /** The entropies of each row, in nats. */
  readonly traces: readonly Float32Array[];
  readonly parameters: Tensor;
  readonly sigma: Tensor | undefined;
}

async function opened(model: string, options: Readonly<Record<string, unknown>>, inPasses = true) {
  const bytes = readFileSync(new URL(`${model}/model.onnx`, folder));
  const compiled = await compile(bytes, createRecipe(options), engine, { inPasses, exposesParameters: true });
  const probe = await engine.probe(compiled.bytes);
  const run = async (batch: Tensor<'float32'>, steps: number): Promise<Answer> => {
    const answer = await probe.run({ [compiled.input]: batch, steps: int64([], [steps]) });
    const [lines, count] = answer.entropy!.dims as [number, number];
    const trace = (row: number) =>
      Float32Array.from({ length: lines }, (_, line) => Number(answer.entropy!.data[line * count + row]));
    return {
      logits: answer[compiled.output]!,
      staticLogits: answer.static_logits!,
      parameters: answer.parameters!,
      sigma: answer.sigma,
      traces: Array.from({ length: count }, (_, row) => trace(row)),
    };
  };
  return { run, classes: compiled.classes, release: probe.release };
}

function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.dims).toEqual(expected.dims);
  actual.data.forEach((value, i) => {
    expect(Number(value)).toBeCloseTo(Number(expected.data[i]), 4);
  });
}

/**
 * Two networks whose gradient can be taken of some rows of a part, and one whose windows mix rows into one
 * axis.
 */
describe.each(['resnet', 'vit', 'swin'])('%s', (model) => {
  const STEPS = 4;

  it('gives each row what as many updates for all would have given it', async () => {
    const all = await opened(model, { preset: 'isolated' });
    const traces = (await all.run(images(), STEPS)).traces;
    // Between the entropies of these rows: some never go, and the others stop at different times.
    const largest = Math.log(all.classes);
    const before = traces.map((trace) => trace[0]!).sort((a, b) => a - b);
    const gate = (before[1]! + before[2]!) / 2 / largest;
    const after = traces.map((trace) => trace[2]!).sort((a, b) => a - b);
    const floor = Math.min(gate, (after[3]! + after[4]!) / 2 / largest);
    const recipe = createRecipe({ preset: 'brief', gate, floor });
    const brief = await opened(model, recipe as unknown as Record<string, unknown>);
    const answer = await brief.run(images(), STEPS);
    const made = answer.traces.map((trace) => updatesMade(trace, recipe, brief.classes));
    expect(new Set(made).size).toBeGreaterThan(2);
    expect(made.filter((steps) => steps === 0)).toHaveLength(2);
    for (const [row, steps] of made.entries()) {
      const alone = await all.run(images(), steps);
      for (const part of ['logits', 'parameters', 'staticLogits'] as const) {
        expectClose(rows(answer[part], row, row + 1), rows(alone[part], row, row + 1));
      }
      // After a row has stopped its entropy stays the same.
      const expected = Array.from({ length: STEPS + 1 }, (_, i) => alone.traces[row]![Math.min(i, steps)]!);
      answer.traces[row]!.forEach((nats, i) => {
        expect(nats).toBeCloseTo(expected[i]!, 4);
      });
    }
    await Promise.all([all.release(), brief.release()]);
  });
});

describe('rows that stop', () => {
  it.each([
    ['all at once', { gate: 1, floor: 'off' }, 0],
    ['none', { gate: 0, floor: 0 }, 3],
  ])('%s', async (_, stops, made) => {
    const recipe = { preset: 'isolated', ...stops };
    const [brief, all] = [await opened('resnet', recipe), await opened('resnet', { preset: 'isolated' })];
    const [answer, expected] = [await brief.run(images(), 3), await all.run(images(), made)];
    expectClose(answer.logits, expected.logits);
    expectClose(answer.staticLogits, expected.staticLogits);
    expect(answer.traces.map((trace) => trace.length)).toEqual(new Array(ROWS).fill(4));
    for (const trace of answer.traces)
      expect(updatesMade(trace, createRecipe(recipe), all.classes)).toBe(made);
    await Promise.all([brief.release(), all.release()]);
  });

  it('answer the same whichever rows are beside them, alone and in parts of another size', async () => {
    const [brief, other] = [
      await opened('resnet', { preset: 'brief', gate: 0.1, floor: 0.3 }),
      await opened('resnet', { preset: 'brief', gate: 0.1, floor: 0.3 }, false),
    ];
    const batch = images();
    const [together, apart] = [await brief.run(batch, 4), await other.run(batch, 4)];
    expectClose(together.logits, apart.logits);
    for (let row = 0; row < ROWS; row++) {
      const alone = await brief.run(rows(batch, row, row + 1), 4);
      expectClose(alone.logits, rows(together.logits, row, row + 1));
    }
    await Promise.all([brief.release(), other.release()]);
  });

  it('predict once where no steps, or fewer, are asked for', async () => {
    const brief = await opened('resnet', { preset: 'brief', gate: 0, floor: 0 });
    for (const steps of [0, -3]) {
      const answer = await brief.run(images(), steps);
      expect(answer.traces[0]).toHaveLength(1);
      expect(answer.logits).toEqual(answer.staticLogits);
    }
    await brief.release();
  });

  it.each([
    ['adapted', 0.5, 0.25],
    ['fixed', 0.5, 0],
    ['fixed, and smaller than any', 0.01, 0],
  ])('smooth their own images, by a sigma that is %s', async (_title, sigma, sigmaLr) => {
    const smoothed = { preset: 'isolated', sigma, sigmaLr, floor: 0 };
    const [brief, all] = [
      await opened('resnet', smoothed),
      await opened('resnet', { ...smoothed, floor: 'off' }),
    ];
    const [some, whole] = [await brief.run(images(), 2), await all.run(images(), 2)];
    expectClose(some.logits, whole.logits);
    expectClose(some.sigma!, whole.sigma!);
    await Promise.all([brief.release(), all.release()]);
  });

  it.each([
    { preset: 'dent', gate: 0.4 },
    { preset: 'dent+', floor: 0.2 },
    { preset: 'isolated', rows: 'batch', gate: 0.1 },
    { preset: 'isolated', statistics: 'blend', gate: 0.1 },
  ])('are refused where rows depend on each other: %j', (options) => {
    expect(() => createRecipe(options)).toThrow('for recipes whose rows are independent');
  });
});

describe('updatesMade', () => {
  const stops = { gate: 0.5, floor: 0.25 } as const;
  const nats = (...shares: number[]) => Float32Array.from(shares, (share) => share * Math.log(10));

  it.each([
    [nats(0.4, 0.4, 0.4), 0],
    [nats(0.6, 0.2, 0.2), 1],
    [nats(0.6, 0.3, 0.2), 2],
    [nats(0.6, 0.3, 0.3), 2],
    [nats(0.6), 0],
    [nats(Number.NaN, Number.NaN), 0],
  ])('of %s', (trace, made) => {
    expect(updatesMade(trace, stops, 10)).toBe(made);
  });

  it('are all where a recipe stops no rows', () => {
    expect(updatesMade(nats(0.1, 0, 0), { gate: 'off', floor: 'off' }, 10)).toBe(2);
  });
});

describe('stoppedBy', () => {
  it('tells rows that made no update from those that made fewer, whichever setting is on', () => {
    const recipe = createRecipe({ preset: 'brief', gate: 'off', steps: 3 });
    expect([0, 1, 2, 3].map((made) => stoppedBy(made, recipe))).toEqual([
      'gate',
      'floor',
      'floor',
      undefined,
    ]);
    expect(stoppedBy(0, createRecipe({ preset: 'brief', steps: 0 }))).toBeUndefined();
  });
});
