import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { withCompiled } from '../../test/fixtures/dent/compiled.ts';
import { largestDifference, startCompiler } from '../../test/fixtures/dent/compiler.ts';
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
  withModel,
} from '../../test/fixtures/dent/models.ts';
import { DATA_TYPE, decodeModel, type Graph } from '../onnx/index.ts';
import { COMPILER_VERSION, createRecipe, PRESETS } from './index.ts';

const { engine, compileWith, run } = startCompiler();

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

  it('imports no domain that it does not need', async () => {
    const domains = { 'ai.onnx.ml': 3, 'com.example.functions': 1 };
    const model = withModel(plainModel, (read) => ({ ...read, otherDomains: domains }));
    for (const preset of ['static', 'dent']) {
      const { bytes } = await compileWith(model, { preset });
      expect(decodeModel(bytes).otherDomains).toEqual({});
    }
  });

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
    expect(await compileWith(plainModel)).toMatchObject({ layers: 1, parameters: 8 });
    expect(await compileWith(plainModel, {})).toMatchObject({ layers: 0, parameters: 0 });
  });

  it.each(['SAME', 'DIFFERENT'])('has the batch size open: %s sizes in a row', async (kind) => {
    const compiled = await compileWith(plainModel);
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

describe('a model', () => {
  it.each([
    ['Softmax', { axis: -1 }],
    ['Softmax', { axis: 1 }],
    ['LogSoftmax', { axis: 1 }],
  ] as const)('that ends in %s (%o) gives the logits before it', async (op, attributes) => {
    const model = modelOf((b, x) => b.op(op, [chain(body, head)(b, x)], { attributes }));
    const compiled = await compileWith(model);
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
    const { result } = await run(await compileWith(model), images(2), 3);
    const plain = await run(await compileWith(plainModel), images(2), 3);
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
    const compiled = await compileWith(model);
    expect(compiled.imageShape).toEqual([3, -1, -1]);
    const fixed = await run(await compileWith(plainModel), images(4), 3);
    expect(largestDifference((await run(compiled, images(4), 3)).result, fixed.result)).toBeLessThan(1e-4);
    const larger = { ...images(4), dims: [2, 3, 12, 8] };
    expect((await run(compiled, larger, 3)).result!.dims).toEqual([2, 5]);
  });

  it.each([11, 13, 17, 21])('may be of opset %i', async (opset) => {
    const compiled = await compileWith(modelOf(chain(body, head), { opset }));
    expect(decodeModel(compiled.bytes).opset).toBe(Math.max(opset, 18));
    const expected = await run(await compileWith(plainModel), images(2), 2);
    expect(largestDifference((await run(compiled, images(2), 2)).result, expected.result)).toBeLessThan(1e-5);
  });
});
