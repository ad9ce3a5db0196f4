import { describe, expect, it } from 'vitest';
import { startCompiler } from '../../test/fixtures/dent/compiler.ts';
import {
  body,
  chain,
  head,
  images,
  modelOf,
  modelOfOutputs,
  plainModel,
  type Write,
  weights,
  withModel,
} from '../../test/fixtures/dent/models.ts';
import { DATA_TYPE, float32Constant, type GraphBuilder, type Value } from '../onnx/index.ts';
import { int64 } from '../tensor.ts';
import { inspect, tensorNames } from './index.ts';

const { engine, compileWith, run } = startCompiler();

/** The entropies of four rows before, between and after two updates. */
async function entropies(model: Uint8Array): Promise<number[]> {
  const { bytes } = await compileWith(model);
  const { entropy } = await engine.evaluate(bytes, { image: images(4), steps: int64([], [2]) });
  return Array.from<number | bigint, number>(entropy!.data, Number);
}

const softmax: Write = (b, x) => b.op('Softmax', [x], { attributes: { axis: 1 } });

const constant = (b: GraphBuilder, opType: string, x: Value, number: number): Value =>
  b.op(opType, [x, number]);

describe('probabilities that are not one Softmax at the end', () => {
  const apart: Write = (b, x) => {
    const most = b.op('ReduceMax', [x, b.ints([1])], { attributes: { keepdims: 1 } });
    const exponentials = b.op('Exp', [b.op('Sub', [x, most])]);
    return b.op('Div', [exponentials, b.op('ReduceSum', [exponentials, b.ints([1])])]);
  };
  const turned: Write = (b, x) => {
    const flat = b.op('Softmax', [b.op('Transpose', [x], { attributes: { perm: [1, 0] } })], {
      attributes: { axis: 0 },
    });
    return b.op('Transpose', [flat], { attributes: { perm: [1, 0] } });
  };

  it.each<readonly [string, Write]>([
    ['its parts one by one', apart],
    ['limited', chain(softmax, (b, x) => b.op('Clip', [x, 1e-7, 1 - 1e-7]))],
    ['turned there and back', turned],
    ['in percent', chain(softmax, (b, x) => constant(b, 'Mul', x, 100))],
    ['a mean of two', (b, x) => constant(b, 'Div', b.op('Add', [softmax(b, x), softmax(b, x)]), 2)],
  ])('are adapted by their logarithms: %s', async (_title, write) => {
    const model = modelOf(chain(body, head, write));
    const expected = await entropies(plainModel);
    expect(await entropies(model)).toEqual(expected.map((nats) => expect.closeTo(nats, 4)));
    expect((await inspect(model, engine)).reading!.output.takenAs).toBe('log-probabilities');
  });

  it('are told from logits that are positive, or the same for every image', async () => {
    const positive: Write = (b, x) => b.op('Relu', [constant(b, 'Add', x, 3)]);
    const same: Write = (b, x) => constant(b, 'Add', constant(b, 'Mul', x, 0), 2);
    for (const write of [positive, same]) {
      const { reading } = await inspect(modelOf(chain(body, head, write)), engine);
      expect(reading).toMatchObject({ output: { takenAs: 'logits' }, warnings: [] });
    }
  });

  it('are refused where the least is the most likely', async () => {
    const model = modelOf(
      chain(body, head, (b, x) => b.op('Neg', [b.op('LogSoftmax', [x], { attributes: { axis: 1 } })])),
    );
    await expect(entropies(model)).rejects.toThrow(
      /^The output "result" holds negative log-probabilities, .*; export the model again/,
    );
  });

  it('are refused where the Softmax is over the images of a batch', async () => {
    const model = modelOf(
      chain(body, head, (b, x) => b.op('Softmax', [x], { name: 'wrong', attributes: { axis: 0 } })),
    );
    await expect(entropies(model)).rejects.toThrow(
      'Softmax "wrong" goes over axis 0 of [N, 5], which is not that of the classes; export the model with it over axis 1, or without it.',
    );
  });
});

describe('axes of size one beside the classes', () => {
  const axes =
    (...places: readonly number[]): Write =>
    (b, x) =>
      b.op('Unsqueeze', [x, b.ints(places)]);

  it.each<readonly [string, Write]>([
    ['behind, as a convolutional head leaves them', axes(2, 3)],
    ['in front', axes(1, 2)],
    ['under a Softmax', chain(axes(2, 3), softmax)],
    ['around probabilities', chain(softmax, (b, x) => constant(b, 'Mul', x, 1), axes(1))],
  ])('are left out: %s', async (_title, write) => {
    const model = modelOf(chain(body, head, write));
    const expected = await entropies(plainModel);
    expect(await entropies(model)).toEqual(expected.map((nats) => expect.closeTo(nats, 4)));
    const { result } = await run(await compileWith(model), images(4));
    expect(result!.dims).toEqual([4, 5]);
  });

  it('make an output the second choice beside one of [N, classes]', async () => {
    const model = modelOfOutputs((b, x) => {
      const features = body(b, x);
      const pooled = b.op('GlobalAveragePool', [features]);
      return { pooled: [pooled], logits: [head(b, features), 5] };
    });
    const declared = withModel(model, (read) => {
      read.graph.outputs[0]!.type = { dataType: DATA_TYPE.float32, shape: ['batch', 4, 1, 1] };
      return read;
    });
    expect((await inspect(declared, engine)).reading!.output).toMatchObject({ name: 'logits', classes: 5 });
  });
});

describe('one number', () => {
  const one: Write = (b, x) => b.op('MatMul', [x, weights(b, [5, 1], 7)]);
  const both: Write = (b, x) =>
    b.op('MatMul', [x, b.op('Concat', [nothing(b), weights(b, [5, 1], 7)], side)]);
  const nothing = (b: GraphBuilder) => b.constant(float32Constant([5, 1], [0, 0, 0, 0, 0]));
  const side = { attributes: { axis: 1 } };
  const sigmoid: Write = (b, x) => b.op('Sigmoid', [x], { name: 'second' });

  it.each<readonly [string, Write]>([
    ['as [N, 1]', sigmoid],
    ['as [N]', chain(sigmoid, (b, x) => b.op('Squeeze', [x, b.ints([1])]))],
    ['limited', chain(sigmoid, (b, x) => b.op('Clip', [x, 1e-7, 1 - 1e-7]))],
    ['as [N, 1, 1]', chain((b, x) => b.op('Unsqueeze', [x, b.ints([2])]), sigmoid)],
  ])('behind a Sigmoid is of two classes: %s', async (_title, write) => {
    const model = modelOf(chain(body, head, one, write));
    const expected = await entropies(modelOf(chain(body, head, both)));
    expect(await entropies(model)).toEqual(expected.map((nats) => expect.closeTo(nats, 5)));
    const { reading, unsupported } = await inspect(model, engine);
    expect(reading!.output).toMatchObject({ classes: 2, takenAs: 'logits', removed: 'Sigmoid "second"' });
    expect(unsupported).toEqual([]);
    expect(tensorNames(model).output).toBe('result');
  });
});

describe('independent labels', () => {
  const sigmoid: Write = (b, x) => b.op('Sigmoid', [x], { name: 'labels' });

  it.each<readonly [string, Write]>([
    ['flattened', (b, x) => b.op('Flatten', [x])],
    ['reshaped', (b, x) => b.op('Reshape', [x, b.ints([-1, 5])])],
    ['limited', (b, x) => b.op('Clip', [x, 0, 1])],
    ['scaled', (b, x) => constant(b, 'Mul', x, 100)],
  ])('are refused: %s', async (_title, write) => {
    await expect(entropies(modelOf(chain(body, head, sigmoid, write)))).rejects.toThrow(
      'The output "result" comes from Sigmoid "labels": these are independent labels, and dent adapts classes of which one is right. Where one is, export the model without Sigmoid.',
    );
  });

  it('are warned of where no Sigmoid is seen at the end', async () => {
    const opposite: Write = (b, x) => b.op('Sub', [b.float(1), sigmoid(b, x)]);
    const { warnings } = (await inspect(modelOf(chain(body, head, opposite)), engine)).reading!;
    expect(warnings).toEqual([
      'The output "result" is taken for logits, but on images of noise all of it lies between 0 and 1 without adding up to 1, as independent labels do. If it comes out of a sigmoid or the like, export the model without it.',
    ]);
  });

  it('are no gate before the logits', async () => {
    const gated: Write = (b, x) => b.op('Mul', [b.op('Sigmoid', [x]), x]);
    const { reading, unsupported } = await inspect(modelOf(chain(body, head, gated)), engine);
    expect({ reading, unsupported }).toMatchObject({ reading: { warnings: [] }, unsupported: [] });
  });
});
