import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withCompiled } from '../../test/fixtures/dent/compiled.ts';
import {
  batchNormalization,
  body,
  chain,
  head,
  images,
  imageType,
  modelOf,
  plainModel,
  type Write,
  weights,
} from '../../test/fixtures/dent/models.ts';
import { createEngine } from '../engine/index.ts';
import { InputError } from '../errors.ts';
import { DATA_TYPE, decodeModel, type Graph, type Value } from '../onnx/index.ts';
import { int64, rows, type Tensor } from '../tensor.ts';
import { COMPILER_VERSION, type CompiledModel, compile, createRecipe, PRESETS } from './index.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 20_000 });
afterAll(() => engine.close());

const adapting = createRecipe({ preset: 'dent' });
const compileWith = (model: Uint8Array, options: Record<string, unknown>): Promise<CompiledModel> =>
  compile(model, createRecipe(options), engine);

/** All outputs of the compiled graph by name. */
const run = ({ bytes }: CompiledModel, image: Tensor, steps: number) =>
  engine.evaluate(bytes, { image, steps: int64([], [steps]) });

const numbers = ({ data }: Tensor): number[] => Array.from<number | bigint, number>(data, Number);

function largestDifference(a: Tensor | undefined, b: Tensor | undefined): number {
  expect(a?.dims).toEqual(b?.dims);
  const [first, second] = [numbers(a!), numbers(b!)];
  return first.reduce((largest, value, i) => Math.max(largest, Math.abs(value - second[i]!)), 0);
}

/** Every node, including those of loops' bodies. */
function allNodes(graph: Graph): Graph['nodes'] {
  const bodies = graph.nodes.flatMap((node) =>
    Object.values(node.attributes).flatMap((a) => (a.kind === 'graph' ? allNodes(a.value) : [])),
  );
  return [...graph.nodes, ...bodies];
}

describe('the compiled graph', () => {
  it.each(Object.keys(PRESETS))(
    'of %s is plain ONNX with the promised inputs and outputs',
    async (preset) => {
      const compiled = await compileWith(plainModel, { preset });
      const { graph, opset, otherDomains } = decodeModel(compiled.bytes);
      const perRow = PRESETS[preset as keyof typeof PRESETS].scope === 'sample';
      const sigma = { name: 'sigma', type: { dataType: DATA_TYPE.float32, shape: [perRow ? 'N' : 1] } };
      const blended = { name: 'blended', type: { dataType: DATA_TYPE.float32, shape: [1] } };
      expect(opset).toBeGreaterThanOrEqual(18);
      expect(otherDomains).toEqual({});
      expect(allNodes(graph).filter((node) => node.domain !== '')).toEqual([]);
      expect(graph.inputs).toEqual([
        { name: 'image', type: { dataType: DATA_TYPE.float32, shape: ['N', 3, 6, 8] } },
        { name: 'steps', type: { dataType: DATA_TYPE.int64, shape: [] } },
      ]);
      expect(graph.outputs).toEqual([
        { name: 'result', type: { dataType: DATA_TYPE.float32, shape: ['N', 5] } },
        { name: 'static_logits', type: { dataType: DATA_TYPE.float32, shape: ['N', 5] } },
        { name: 'entropy', type: { dataType: DATA_TYPE.float32, shape: ['steps_and_final', 'N'] } },
        { name: 'top', type: { dataType: DATA_TYPE.float32, shape: ['steps_and_final', 'N', 2] } },
        ...(preset === 'dent-smooth' ? [sigma] : []),
        ...(preset === 'auto' ? [blended] : []),
      ]);
      expect(compiled).toMatchObject({ input: 'image', output: 'result', classes: 5, imageShape: [3, 6, 8] });
    },
  );

  it('says what it was made of', async () => {
    const { bytes } = await compileWith(plainModel, { preset: 'isolated', steps: 3 });
    const { metadata, producer } = decodeModel(bytes);
    expect(JSON.parse(metadata['dent.recipe']!)).toEqual(createRecipe({ preset: 'isolated', steps: 3 }));
    expect(metadata['dent.version']).toBe(COMPILER_VERSION);
    expect(metadata['dent.source_sha256']).toBe(createHash('sha256').update(plainModel).digest('hex'));
    expect(producer).toBe('dent-serve');
  });

  it('is the same bytes for the same model and recipe', async () => {
    const [one, other] = await Promise.all([
      compileWith(plainModel, { preset: 'dent+' }),
      compileWith(plainModel, { preset: 'dent+' }),
    ]);
    expect(Buffer.compare(one.bytes, other.bytes)).toBe(0);
  });

  it('adapts two numbers for each channel', async () => {
    expect(await compileWith(plainModel, { preset: 'dent' })).toMatchObject({ layers: 1, parameters: 8 });
    expect(await compileWith(plainModel, {})).toMatchObject({ layers: 0, parameters: 0 });
  });

  it.each(['SAME', 'DIFFERENT'])('has the batch size open: %s sizes in a row', async (kind) => {
    const compiled = await compileWith(plainModel, { preset: 'dent' });
    await withCompiled(engine, compiled, async (artifact) => {
      for (const size of kind === 'SAME' ? [3, 3] : [1, 16, 17, 40, 2]) {
        const answer = await artifact.run(images(size), 2);
        expect(answer.logits.dims).toEqual([size, 5]);
        expect(answer.staticLogits.dims).toEqual([size, 5]);
        expect(answer.entropy.dims).toEqual([3, size]);
      }
    });
  });
});

describe('steps', () => {
  let compiled: CompiledModel;
  beforeAll(async () => {
    compiled = await compileWith(plainModel, { preset: 'dent+', lr: 0.05 });
  });

  it.each([
    ['dent', 0],
    ['dent+', 0],
    ['isolated', 0],
    ['isolated', -1],
  ] as const)('predict as the model does: %s, %d steps', async (preset, steps) => {
    const [answer, original] = await Promise.all([
      run(await compileWith(plainModel, { preset }), images(4), steps),
      engine.evaluate(plainModel, { image: images(4) }),
    ]);
    expect(largestDifference(answer.result, original.result)).toBeLessThan(1e-5);
    expect(largestDifference(answer.static_logits, original.result)).toBeLessThan(1e-5);
    expect(answer.entropy!.dims).toEqual([1, 4]);
  });

  it('are chosen at run time, each a continuation of the ones before', async () => {
    const answers = await Promise.all([0, 1, 2, 3, 9].map((steps) => run(compiled, images(4), steps)));
    const longest = answers.at(-1)!.entropy!;
    for (const answer of answers) {
      const lines = answer.entropy!.dims[0]!;
      const before = rows(longest, 0, lines);
      expect(largestDifference(answer.entropy, before)).toBeLessThan(1e-5);
      expect(largestDifference(answer.static_logits, answers[0]!.static_logits)).toBeLessThan(1e-5);
    }
    expect(answers.map((answer) => answer.entropy!.dims[0])).toEqual([1, 2, 3, 4, 10]);
    expect(largestDifference(answers[4]!.result, answers[0]!.result)).toBeGreaterThan(0.1);
  });

  it('lower the entropy', async () => {
    const dent = await compileWith(plainModel, { preset: 'dent', lr: 0.02 });
    const { entropy } = await run(dent, images(6), 10);
    const means = Array.from({ length: 11 }, (_, k) =>
      numbers(rows(entropy!, k, k + 1)).reduce((sum, h) => sum + h / 6, 0),
    );
    for (let k = 1; k < means.length; k++) expect(means[k]).toBeLessThan(means[k - 1]!);
  });

  it('tell the entropy of what they predict', async () => {
    const { result, entropy } = await run(compiled, images(3), 2);
    for (let row = 0; row < 3; row++) {
      const exps = numbers(rows(result!, row, row + 1)).map(Math.exp);
      const total = exps.reduce((sum, e) => sum + e, 0);
      const expected = exps.reduce((sum, e) => sum - (e / total) * Math.log(e / total), 0);
      expect(Number(entropy!.data[2 * 3 + row])).toBeCloseTo(expected, 5);
    }
  });
});

describe('a run', () => {
  it.each(['tent', 'dent', 'dent+', 'isolated', 'dent-smooth'])(
    'of %s leaves nothing behind: A, B, A is the same bit for bit',
    async (preset) => {
      const compiled = await compileWith(plainModel, { preset });
      await withCompiled(engine, compiled, async (artifact) => {
        const first = await artifact.run(images(5, 1), 4);
        const between = await artifact.run(images(9, 2), 7);
        const again = await artifact.run(images(5, 1), 4);
        expect(again).toEqual(first);
        expect(rows(between.logits, 0, 5)).not.toEqual(first.logits);
      });
    },
  );

  it('of isolated answers a row the same alone and among others', async () => {
    const compiled = await compileWith(plainModel, { preset: 'isolated' });
    const together = await run(compiled, images(7), 6);
    for (const row of [0, 3, 6]) {
      const alone = await run(compiled, rows(images(7), row, row + 1), 6);
      expect(largestDifference(alone.result, rows(together.result!, row, row + 1))).toBeLessThan(1e-5);
    }
  });

  it('of dent answers a row by the company it is in', async () => {
    const compiled = await compileWith(plainModel, { preset: 'dent', lr: 0.02 });
    const together = await run(compiled, images(7), 6);
    const alone = await run(compiled, rows(images(7), 0, 1), 6);
    expect(largestDifference(alone.result, rows(together.result!, 0, 1))).toBeGreaterThan(1e-3);
  });

  it('goes through a batch in parts without changing the answer', async () => {
    const compiled = await compileWith(plainModel, { preset: 'dent', lr: 0.02 });
    // The same rows in another order meet in other parts, of which the last is not full.
    const input = images(2 * compiled.rowsPerPart + 4);
    const [straight, turned] = await Promise.all([
      run(compiled, input, 5),
      run(compiled, swapHalves(input), 5),
    ]);
    expect(largestDifference(swapHalves(turned.result!), straight.result)).toBeLessThan(1e-4);
    expect(largestDifference(straight.result, straight.static_logits)).toBeGreaterThan(1e-2);
  });
});

/** The second half of the rows before the first. */
function swapHalves(tensor: Tensor): Tensor {
  const half = tensor.dims[0]! / 2;
  const [first, second] = [rows(tensor, 0, half), rows(tensor, half, 2 * half)];
  const data = Float32Array.of(...numbers(second), ...numbers(first));
  return { type: 'float32', dims: tensor.dims, data };
}

describe('a model', () => {
  it.each([
    ['Softmax', { axis: -1 }],
    ['Softmax', { axis: 1 }],
    ['LogSoftmax', { axis: 1 }],
  ] as const)('that ends in %s (%o) gives the logits before it', async (op, attributes) => {
    const model = modelOf((b, x) => b.op(op, [chain(body, head)(b, x)], { attributes }));
    const compiled = await compileWith(model, { preset: 'dent' });
    expect(compiled.output).toBe('result');
    const [answer, logits] = await Promise.all([
      run(compiled, images(4), 0),
      engine.evaluate(plainModel, { image: images(4) }),
    ]);
    expect(largestDifference(answer.result, logits.result)).toBeLessThan(1e-5);
    expect(largestDifference(answer.static_logits, logits.result)).toBeLessThan(1e-5);
  });

  it('may use the names of the compiled graph for values of its own', async () => {
    const model = modelOf((b, x) => {
      const features = body(b, x);
      features.name = 'entropy';
      const scaled = b.op('Mul', [features, 2], { name: 'steps' });
      return head(b, b.op('Mul', [scaled, 0.5], { name: 'static_logits' }));
    });
    const { result } = await run(await compileWith(model, { preset: 'dent' }), images(2), 3);
    const plain = await run(await compileWith(plainModel, { preset: 'dent' }), images(2), 3);
    expect(largestDifference(result, plain.result)).toBeLessThan(1e-5);
  });

  it('may scale and shift channels of its own', async () => {
    const ownAffine: Write = (b, x) => {
      const shape = ['N', 4, 6, 8];
      const scaled = b.op('Mul', [x, weights(b, [1, 4, 1, 1], 8)], { name: 'own scale', shape });
      return b.op('Add', [scaled, weights(b, [1, 4, 1, 1], 9)], { name: 'own shift', shape });
    };
    for (const write of [
      chain(body, ownAffine, head),
      chain(body, ownAffine, (b, x) => batchNormalization(b, x, 4, 'second'), head),
    ]) {
      const model = modelOf(write);
      for (const preset of ['dent', 'isolated']) {
        const compiled = await compileWith(model, { preset });
        const original = await engine.evaluate(model, { image: images(3) });
        expect(largestDifference((await run(compiled, images(3), 0)).result, original.result)).toBeLessThan(
          1e-5,
        );
        expect((await run(compiled, images(3), 2)).entropy!.dims).toEqual([3, 3]);
      }
    }
  });

  it('may leave its image size open', async () => {
    const model = modelOf(chain(body, head), { type: { ...imageType, shape: ['n', 3, 'h', 'w'] } });
    const compiled = await compile(model, adapting, engine);
    expect(compiled.imageShape).toEqual([3, -1, -1]);
    const fixed = await run(await compileWith(plainModel, { preset: 'dent' }), images(4), 3);
    expect(largestDifference((await run(compiled, images(4), 3)).result, fixed.result)).toBeLessThan(1e-4);
    const larger = { ...images(4), dims: [2, 3, 12, 8] };
    expect((await run(compiled, larger, 3)).result!.dims).toEqual([2, 5]);
  });

  it.each([11, 13, 17, 21])('may be of opset %i', async (opset) => {
    const compiled = await compileWith(modelOf(chain(body, head), { opset }), { preset: 'dent' });
    expect(decodeModel(compiled.bytes).opset).toBe(Math.max(opset, 18));
    const expected = await run(await compileWith(plainModel, { preset: 'dent' }), images(2), 2);
    expect(largestDifference((await run(compiled, images(2), 2)).result, expected.result)).toBeLessThan(1e-5);
  });
});

describe('compile refuses', () => {
  const flat: Write = (b, x) => b.op('Flatten', [x]);
  const other: Value = { name: 'mask', type: { dataType: DATA_TYPE.float32, shape: ['n'] } };

  it.each<readonly [string, Uint8Array, string | RegExp]>([
    [
      'an op without a rule behind an adapted layer',
      modelOf(chain(body, (b, x) => b.op('Sinh', [x], { name: 'layer4/odd' }), head)),
      'Sinh "layer4/odd" (opset 18) has no gradient rule, so nothing before it can be adapted. docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.',
    ],
    [
      'a use of an op that its rule does not cover',
      modelOf(
        chain(
          body,
          (b, x) =>
            b.op('MaxPool', [x], { name: 'pool', attributes: { kernel_shape: [2, 2], storage_order: 1 } }),
          head,
        ),
      ),
      'MaxPool "pool": column-major indices has no gradient rule. docs/operators.md says what has a gradient rule; recipes of 0 steps, such as static, need none.',
    ],
    [
      'a model with nothing to adapt',
      modelOf((b, x) => b.op('MatMul', [flat(b, x), weights(b, [144, 5], 4)])),
      'The model has no normalisation layer and no convolution whose scale and shift could be adapted; recipes of 0 steps, such as static, serve it as it is.',
    ],
    [
      'an output that is no list of classes',
      modelOf(body),
      /^The output "result" \(from Relu "relu"\) has the shape \[N, 4, 6, 8\]; a classifier's logits are \[N, classes\]\. Export it again so that it returns them\.$/,
    ],
    [
      'an output without the batch',
      modelOf((b, x) => b.op('ReduceMean', [chain(body, head)(b, x), b.ints([0])], { name: 'mean' })),
      /^The output "result" \(from ReduceMean "mean"\) has the shape \[1, 5\]; a classifier's logits are \[N, classes\]\. Export it again so that it returns them\.$/,
    ],
    [
      'two inputs',
      modelOf(chain(body, head), { inputs: [other] }),
      'The model has 2 inputs (image, mask); an image classifier has one. Export it again so that the others are constants.',
    ],
    [
      'images of other whole numbers than bytes',
      modelOf((b, x) => chain(body, head)(b, b.op('Cast', [x], { attributes: { to: 1 } })), {
        type: { ...imageType, dataType: DATA_TYPE.int32 },
      }),
      'The input "image" is of type int32; dent-serve feeds float32, or uint8 for pixels. Export it again with an input of one of them and a Cast behind it.',
    ],
    [
      'images larger than any',
      modelOf(chain(body, head), { type: { ...imageType, shape: ['n', 3, 100_000, 100_000] } }),
      'The input "image" is of shape [n, 3, 100000, 100000], more than can be fed; export the model for fewer or smaller images.',
    ],
    [
      'a single class',
      modelOf((b, x) => b.op('MatMul', [flat(b, body(b, x)), weights(b, [192, 1], 4)])),
      'The output "result" is of a single class, whose entropy is always zero; dent adapts two classes or more. Export it again with a logit for each of the two.',
    ],
    [
      'something else than images',
      modelOf((b, x) => b.op('Relu', [x]), { type: { ...imageType, shape: ['n', 12] } }),
      'The input "image" has 2 axes; an image batch has four: [N, C, H, W]. Export it again so that it takes one.',
    ],
    [
      'a model for one image at a time',
      modelOf(
        chain(
          body,
          (b, x) => b.op('Reshape', [x, b.ints([1, 192])], { name: 'one' }),
          (b, x) => b.op('MatMul', [x, weights(b, [192, 5], 4)]),
        ),
      ),
      /one/,
    ],
    ['what is no model', new TextEncoder().encode('hello, world'), /^This is not an ONNX model/],
  ])('%s', async (_what, model, message) => {
    const failure = await compile(model, adapting, engine).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InputError);
    if (typeof message === 'string') expect((failure as Error).message).toBe(message);
    else expect((failure as Error).message).toMatch(message);
  });

  it('what it has compiled itself', async () => {
    const { bytes } = await compileWith(plainModel, { preset: 'dent' });
    await expect(compile(bytes, adapting, engine)).rejects.toThrow(
      new InputError(
        'This graph is compiled already: it adapts itself. Give the model that it was compiled from.',
      ),
    );
  });

  it.each([
    ['height', ['n', 3, 'h', 8]],
    ['width', ['n', 3, 6, 'w']],
  ] as const)('smoothing of images whose %s is open', async (_axis, shape) => {
    const model = modelOf(chain(body, head), { type: { ...imageType, shape } });
    const smoothing = compile(model, createRecipe({ preset: 'dent-smooth' }), engine);
    await expect(smoothing).rejects.toThrow(
      new InputError(
        "Input smoothing needs a fixed image size. The model leaves its height and width open; for one size, by --size or the manifest's width and height, it may compile.",
      ),
    );
  });

  it('steps that have nothing to adapt', async () => {
    const recipe = { preset: 'dent', affine: 'off' };
    await expect(compileWith(plainModel, recipe)).rejects.toThrow(
      /^The recipe has steps but nothing to adapt/,
    );
  });

  it('statistics of the batch where no layer has any', async () => {
    const model = modelOf((b, x) => {
      const convolved = b.op('Conv', [x, weights(b, [4, 3, 3, 3], 1)], { name: 'conv' });
      return head(b, convolved);
    });
    await expect(compileWith(model, { preset: 'norm' })).rejects.toThrow(
      /export it with BatchNormalization kept/,
    );
  });

  it('no model whose predictions are all that is asked for', async () => {
    const model = modelOf((b, x) => b.op('MatMul', [flat(b, x), weights(b, [144, 5], 4)]));
    const compiled = await compileWith(model, { preset: 'static' });
    const original = await engine.evaluate(model, { image: images(2) });
    expect(largestDifference((await run(compiled, images(2), 0)).result, original.result)).toBeLessThan(1e-5);
  });
});
