import { readdir, readFile } from 'node:fs/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { batch, entropy, graph, staticLogits } from '../../../test/fixtures/engine/graphs.ts';
import { InputError } from '../../errors.ts';
import { float32, int64, type Tensor } from '../../tensor.ts';
import { createAdaptation, createEngine, type Engine } from '../index.ts';

const engine = createEngine({ device: 'cpu', threads: 2, runTimeoutMs: 20_000 });
const { load } = createAdaptation(engine);
afterAll(() => engine.close());

function expectClose(actual: Tensor, expected: readonly number[], dims: readonly number[]): void {
  expect(actual.dims).toEqual(dims);
  expect(actual.data.length).toBe(expected.length);
  const worst = expected.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - Number(actual.data[i]))),
    0,
  );
  expect(worst).toBeLessThan(1e-4);
}

describe('run', () => {
  it.each([1, 2, 16, 20, 33, 128])('answers %i rows in their order', async (size) => {
    const artifact = await load(graph('rows-sigma'));
    const input = batch(size);
    const answer = await artifact.run(input, 3);
    const expected = staticLogits(input);
    expectClose(answer.staticLogits, expected, [size, 5]);
    expectClose(
      answer.logits,
      expected.map((logit) => logit * 4),
      [size, 5],
    );
    expectClose(answer.entropy, entropy(input, 3), [4, size]);
    expectClose(
      answer.sigma!,
      entropy(input, 0).map((mean) => mean ** 2),
      [size],
    );
    await artifact.release();
  });

  it('answers the same whether the batch was split or not', async () => {
    const [split, whole] = await Promise.all([load(graph('rows-sigma')), load(graph('rows-sigma', false))]);
    const input = batch(50);
    const [one, other] = await Promise.all([split.run(input, 7), whole.run(input, 7)]);
    for (const name of ['logits', 'staticLogits', 'entropy', 'sigma'] as const) {
      expectClose(one[name]!, [...other[name]!.data], other[name]!.dims);
    }
  });

  it('predicts with no updates, and leaves out the sigma that a graph does not have', async () => {
    const artifact = await load(graph('rows'));
    const input = batch(20);
    const answer = await artifact.run(input, 0);
    expectClose(answer.entropy, entropy(input, 0), [1, 20]);
    expect(answer).not.toHaveProperty('sigma');
  });

  it('reads a batch that is a view, and sends none of what lies around it', async () => {
    const artifact = await load(graph('rows'));
    const around = new Float32Array(5e6);
    const input = batch(3);
    around.set(input.data, 1001);
    const answer = await artifact.run(float32(input.dims, around.subarray(1001, 1001 + 144)), 1);
    expectClose(answer.staticLogits, staticLogits(input), [3, 5]);
  });

  it('reports the rows done', async () => {
    const heard: [number[], number[]] = [[], []];
    const [split, whole] = await Promise.all([load(graph('rows')), load(graph('rows', false))]);
    await split.run(batch(64), 8, (rows) => heard[0].push(rows));
    await whole.run(batch(64), 8, (rows) => heard[1].push(rows));
    expect(heard).toEqual([
      [0, 16, 32, 48, 64],
      [0, 64],
    ]);
  });

  it('sends a child more rows at once where there are few updates to make', async () => {
    const heard: number[] = [];
    const artifact = await load(graph('rows'));
    await artifact.run(batch(64), 0, (rows) => heard.push(rows));
    expect(heard).toEqual([0, 32, 64]);
  });

  it('deals the rows to the processes where some take longer than others', async () => {
    const sent: number[] = [];
    const artifact = await load({ ...graph('rows-sigma'), uneven: true });
    const input = batch(63);
    const answer = await artifact.run(input, 8, (rows) => sent.push(rows));
    // The two processes may end in another order than they began.
    const sizes = sent.slice(1).map((rows, i) => rows - sent[i]!);
    expect(sizes.toSorted((a, b) => b - a)).toEqual([16, 16, 16, 15]);
    expectClose(answer.staticLogits, staticLogits(input), [63, 5]);
    expectClose(answer.entropy, entropy(input, 8), [9, 63]);
    expectClose(
      answer.sigma!,
      entropy(input, 0).map((mean) => mean ** 2),
      [63],
    );
  });

  it('serves many calls at once, each with its own answer', async () => {
    const [split, whole] = await Promise.all([load(graph('rows')), load(graph('rows', false))]);
    const calls = Array.from({ length: 40 }, async (_, i) => {
      const input = batch(1 + ((i * 13) % 40));
      const answer = await (i % 3 === 0 ? whole : split).run(input, i);
      const factor = i + 1;
      expectClose(
        answer.logits,
        staticLogits(input).map((logit) => logit * factor),
        [input.dims[0]!, 5],
      );
    });
    await Promise.all(calls);
  });

  it('rejects a batch of the wrong shape with what ONNX Runtime says, in the same children', async () => {
    const artifact = await load(graph('rows'));
    const { pids } = engine;
    await expect(artifact.run(float32([2, 4, 3, 4], new Float32Array(96)), 1)).rejects.toThrow(
      /Got invalid dimensions for input: input .*Got: 4 Expected: 3/,
    );
    await expect(artifact.run(float32([0, 3, 4, 4], []), 1)).rejects.toThrow(InputError);
    await expect(artifact.run(batch(20), 1)).resolves.toBeDefined();
    expect(engine.pids).toEqual(pids);
  });
});

describe('load', () => {
  it.each([
    ['no-entropy', '"no-entropy" is no self-adapting graph: it has no output "entropy".'],
    ['not-onnx', '"not-onnx" cannot be opened: Protobuf parsing failed.'],
    ['absent', '"absent" cannot be opened: File doesn\'t exist.'],
  ])('refuses %s', async (file, message) => {
    for (const splittable of [true, false]) {
      await expect(load(graph(file, splittable))).rejects.toThrow(new InputError(message));
    }
  });

  it('refuses a graph without the input', async () => {
    const artifact = { ...graph('rows'), input: 'pixels' };
    await expect(load(artifact)).rejects.toThrow(
      new InputError('"rows" is no self-adapting graph: it has no input "pixels".'),
    );
  });
});

describe('release', () => {
  it('lets calls in flight finish and refuses new ones', async () => {
    const artifact = await load(graph('slow'));
    const running = artifact.run(batch(20), 100);
    const released = artifact.release();
    await expect(artifact.run(batch(1), 1)).rejects.toThrow('"slow" was released.');
    await released;
    expect((await running).logits.dims).toEqual([20, 5]);
    await artifact.release();
  });
});

describe('sessions', () => {
  let three: Engine | undefined;
  afterEach(() => three?.close());

  const threadsOf = async (pid: number) => (await readdir(`/proc/${pid}/task`)).length;

  it('of split batches have one thread in each child; of whole ones all threads in the first; until released', async () => {
    three = createEngine({ device: 'cpu', threads: 3, runTimeoutMs: 20_000 });
    const { pids } = three;
    const adaptation = createAdaptation(three);
    const threads = () => Promise.all(pids.map(threadsOf));
    const split = await adaptation.load(graph('rows'));
    const before = await threads();
    const whole = await adaptation.load(graph('rows', false));
    // The asking thread works too, so a session with three threads starts two.
    const during = [before[0]! + 2, before[1], before[2]];
    expect(await threads()).toEqual(during);
    await Promise.all([split.run(batch(40), 1), whole.run(batch(40), 1)]);
    expect(await threads()).toEqual(during);
    await whole.release();
    expect(await threads()).toEqual(before);
    await split.release();
    expect(await threads()).toEqual(before);
  });
});

describe('evaluate', () => {
  const read = (file: string) => readFile(graph(file).path);

  it('returns every output', async () => {
    const input = batch(3);
    const outputs = await engine.evaluate(await read('rows-sigma'), { input, steps: int64([], [2]) });
    expect(Object.keys(outputs).sort()).toEqual(['entropy', 'logits', 'sigma', 'static_logits']);
    expect(outputs.logits!.type).toBe('float32');
    expectClose(outputs.static_logits!, staticLogits(input), [3, 5]);
    expectClose(outputs.entropy!, entropy(input, 2), [3, 3]);
  });

  it('says what is wrong with the model or the feeds', async () => {
    const feeds = { input: batch(1), steps: int64([], [1]) };
    await expect(engine.evaluate(await read('not-onnx'), feeds)).rejects.toThrow(
      new InputError('The model cannot be opened: Failed to load model because protobuf parsing failed.'),
    );
    await expect(engine.evaluate(await read('half'), feeds)).rejects.toThrow(
      new InputError('Output "half" is of type float16, which is not supported.'),
    );
    await expect(engine.evaluate(await read('rows'), { input: batch(1) })).rejects.toThrow(
      new InputError("The model cannot be run: input 'steps' is missing in 'feeds'."),
    );
  });
});

describe('cuda', () => {
  let gpu: Engine | undefined;
  afterEach(() => gpu?.close());

  it('is one child, and says so where CUDA is missing', async () => {
    gpu = createEngine({ device: 'cuda', threads: 2, runTimeoutMs: 20_000 });
    expect(gpu.pids).toHaveLength(1);
    await expect(createAdaptation(gpu).load(graph('rows'))).rejects.toThrow(
      /^The device "cuda" was asked for, but ONNX Runtime cannot use it here: .+\. docs\/kubernetes\.md says what/,
    );
  });
});
