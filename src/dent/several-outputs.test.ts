import { describe, expect, it } from 'vitest';
import { startCompiler } from '../../test/fixtures/dent/compiler.ts';
import {
  body,
  chain,
  head,
  modelOf,
  modelOfOutputs,
  plainModel,
  twoHeads,
  type Write,
  weights,
  withModel,
} from '../../test/fixtures/dent/models.ts';
import { InputError } from '../errors.ts';
import { DATA_TYPE, type Node, type Value } from '../onnx/index.ts';
import { inspect, type OutputHint, tensorNames } from './index.ts';

const { engine, compileWith, expectSame } = startCompiler();

const recipe = { preset: 'dent' };

const softmax: Write = (b, x) => b.op('Softmax', [x], { attributes: { axis: 1 } });

describe('of several outputs', () => {
  const features: Write = chain(body, (b, x) => b.op('Flatten', [b.op('GlobalAveragePool', [x])]));
  const dense =
    (classes: number): Write =>
    (b, x) =>
      b.op('Gemm', [x, weights(b, [4, classes], 2)]);
  const featuresFirst = modelOfOutputs((b, x) => {
    const found = features(b, x);
    return { features: [found, 4], logits: [dense(5)(b, found), 5] };
  });
  const heads = twoHeads();

  /** A flag for each class, behind the logits. */
  const flagged = withModel(plainModel, (model) => {
    const [logits] = model.graph.outputs as [Value];
    const flags: Value = { name: 'flags', type: { dataType: DATA_TYPE.bool, shape: ['batch', 5] } };
    const node = {
      opType: 'IsNaN',
      domain: '',
      name: '',
      inputs: [logits],
      outputs: [flags],
      attributes: {},
    };
    const graph = { ...model.graph, nodes: [...model.graph.nodes, node], outputs: [logits, flags] };
    return { ...model, graph };
  });

  it.each<readonly [string, Uint8Array, string, OutputHint]>([
    ['the logits before flags of each class', flagged, 'result', {}],
    ['the logits behind features', featuresFirst, 'logits', {}],
    [
      'the logits beside a map of features',
      modelOfOutputs((b, x) => {
        const map = body(b, x);
        const logits = head(b, map);
        map.name = 'map';
        return { map: [map], logits: [logits, 5] };
      }),
      'logits',
      {},
    ],
    [
      'all probabilities beside the best few',
      modelOfOutputs((b, x) => {
        const all = softmax(b, head(b, body(b, x)));
        const [best] = b.multi('TopK', [all, b.ints([3])], 2);
        return { best: [best!, 3], all: [all, 5] };
      }),
      'all',
      {},
    ],
    [
      'the logits beside their probabilities',
      modelOfOutputs((b, x) => {
        const logits = head(b, body(b, x));
        return { probabilities: [softmax(b, logits), 5], logits: [logits, 5] };
      }),
      'logits',
      {},
    ],
    [
      'the head at the end of the longest way',
      modelOfOutputs((b, x) => {
        const early = body(b, x);
        const late = b.op('Relu', [b.op('Conv', [early, weights(b, [4, 4, 1, 1], 7)])]);
        return { auxiliary: [head(b, early), 5], main: [head(b, late), 5] };
      }),
      'main',
      {},
    ],
    [
      'the probability of the second of two classes behind features',
      modelOfOutputs((b, x) => {
        const found = features(b, x);
        return { features: [found, 4], second: [b.op('Sigmoid', [dense(1)(b, found)]), 1] };
      }),
      'second',
      {},
    ],
    [
      'the logits beside a confidence',
      modelOfOutputs((b, x) => {
        const found = features(b, x);
        const sure = b.op('Sigmoid', [dense(1)(b, found)]);
        return { features: [found, 4], sure: [sure, 1], logits: [dense(5)(b, found), 5] };
      }),
      'logits',
      {},
    ],
    ['the one with as many classes as there are labels', heads, 'embedding', { classes: 6 }],
    ['the one that is named', featuresFirst, 'features', { output: 'features' }],
  ])('takes %s', async (_title, bytes, expected, hint) => {
    expect((await compileWith(bytes, recipe, hint)).output).toBe(expected);
    expect(tensorNames(bytes, hint).output).toBe(expected);
  });

  it('names those that it leaves out', async () => {
    expect((await inspect(featuresFirst, engine)).reading!.output).toEqual({
      ...{ name: 'logits', classes: 5, takenAs: 'logits', leftOut: ['features'] },
    });
  });

  it.each<readonly [string, Uint8Array, OutputHint, string]>([
    [
      'may be the logits',
      heads,
      {},
      'The model has the outputs "embedding" [batch, 6], "logits" [batch, 5], and "embedding" and "logits" may be its logits; say which one holds the logits by "output": "NAME" in model.json or --output NAME (--model-output NAME for adapt and compile).',
    ],
    [
      'has the name',
      heads,
      { output: 'scores' },
      'The model has no output "scores"; name one of its outputs: "embedding" [batch, 6], "logits" [batch, 5].',
    ],
  ])('refuses with a list where none or several %s', async (_title, bytes, hint, sentence) => {
    await expect(compileWith(bytes, recipe, hint)).rejects.toThrow(new InputError(sentence));
    expect(() => tensorNames(bytes, hint)).toThrow(new InputError(sentence));
  });
});

describe('outputs', () => {
  /** The model with the number of the best class as an output, beside the logits or alone. */
  const withLabels = (bytes: Uint8Array, onlyLabels = false): Uint8Array =>
    withModel(bytes, (model) => {
      const [logits] = model.graph.outputs as [Value];
      const labels: Value = { name: 'label', type: { dataType: DATA_TYPE.int64 } };
      const node = { opType: 'ArgMax', domain: '', name: 'label', inputs: [logits], outputs: [labels] };
      const nodes = [
        ...model.graph.nodes,
        { ...node, attributes: { axis: { kind: 'int', value: 1 } as const } },
      ];
      const outputs = onlyLabels ? [labels] : [labels, logits];
      return { ...model, graph: { ...model.graph, nodes, outputs } };
    });

  it('takes the logits where class numbers come first', () => expectSame(withLabels(plainModel), plainModel));

  it('refuses a model of class numbers alone', async () => {
    await expect(compileWith(withLabels(plainModel, true))).rejects.toThrow(
      new InputError(
        'The model only gives class numbers ("label"); export it again so that it returns logits or probabilities.',
      ),
    );
  });

  it('leaves auxiliary heads out, whatever is in them', async () => {
    const both = withModel(plainModel, (model) => {
      const features = model.graph.nodes.find((node) => node.name === 'relu')!.outputs[0]!;
      const auxiliary: Value = { name: 'auxiliary' };
      const node = { opType: 'Sinh', domain: '', name: 'aux', inputs: [features], outputs: [auxiliary] };
      const nodes = [...model.graph.nodes, { ...node, attributes: {} }];
      return { ...model, graph: { ...model.graph, nodes, outputs: [...model.graph.outputs, auxiliary] } };
    });
    await expectSame(both, plainModel);
  });

  it('finds the logits behind probabilities that were reshaped', async () => {
    const convolutional: Write = (b, x) =>
      b.op('Conv', [b.op('GlobalAveragePool', [x]), weights(b, [5, 4, 1, 1], 2)], { name: 'classes' });
    const flat: Write = (b, x) => b.op('Flatten', [x]);
    const softmax: Write = (b, x) => b.op('Softmax', [x], { attributes: { axis: 1 } });
    await expectSame(
      modelOf(chain(body, convolutional, softmax, flat)),
      modelOf(chain(body, convolutional, flat)),
    );
  });

  it('refuses independent labels', async () => {
    const model = modelOf(chain(body, head, (b, x) => b.op('Sigmoid', [x], { name: 'labels' })));
    await expect(compileWith(model)).rejects.toThrow(
      'The output "result" comes from Sigmoid "labels": these are independent labels, and dent adapts classes of which one is right.',
    );
  });
});

it('works from the probabilities that are paired with the names of classes', async () => {
  const named = withModel(
    modelOf(chain(body, head, (b, x) => b.op('Softmax', [x], { name: 'probabilities' }))),
    (model) => {
      const [probabilities] = model.graph.outputs as [Value];
      const stringData = ['a', 'b', 'c', 'd', 'e'].map((word) => new TextEncoder().encode(word));
      const names: Value = { name: 'names' };
      const [number, label, loss]: Value[] = [{ name: 'number' }, { name: 'label' }, { name: 'loss' }];
      label!.type = { dataType: DATA_TYPE.string, shape: ['n', 1] };
      const ml = { domain: 'ai.onnx.ml', attributes: {} };
      const nodes: Node[] = [
        {
          opType: 'ArgMax',
          domain: '',
          name: 'arg',
          inputs: [probabilities],
          outputs: [number!],
          attributes: { axis: { kind: 'int', value: 1 } },
        },
        {
          ...ml,
          opType: 'ArrayFeatureExtractor',
          name: 'label',
          inputs: [names, number!],
          outputs: [label!],
        },
        {
          ...ml,
          opType: 'ZipMap',
          name: 'zip',
          inputs: [probabilities],
          outputs: [loss!],
          attributes: { classlabels_strings: { kind: 'strings', value: ['a', 'b', 'c', 'd', 'e'] } },
        },
      ];
      const initializers = new Map(model.graph.initializers);
      initializers.set(names, {
        dataType: DATA_TYPE.string,
        dims: [5],
        bytes: new Uint8Array(0),
        strings: stringData,
      });
      const graph = {
        ...model.graph,
        initializers,
        nodes: [...model.graph.nodes, ...nodes],
        outputs: [label!, loss!],
      };
      return { ...model, otherDomains: { 'ai.onnx.ml': 2 }, graph };
    },
  );
  expect(tensorNames(named)).toEqual({ input: 'image', output: 'loss' });
  expect(await inspect(named, engine)).toMatchObject({
    classes: 5,
    classNames: ['a', 'b', 'c', 'd', 'e'],
    removed: 'Softmax "probabilities"',
    unsupported: [],
  });
  await expectSame(named, plainModel);
});
