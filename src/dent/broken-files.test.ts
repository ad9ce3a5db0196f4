import { expect, it } from 'vitest';
import { body, chain, head, modelOf, type Write, weights } from '../../test/fixtures/dent/models.ts';
import { startEngine } from '../../test/fixtures/engine/start-engine.ts';
import { InputError } from '../errors.ts';
import {
  type Attribute,
  decodeModel,
  encodeModel,
  type Graph,
  type Model,
  type Node,
  type Value,
} from '../onnx/index.ts';
import { inspect, tensorNames } from './index.ts';

const engine = startEngine();

/** Whole numbers from 0 up to `below`, the same ones for the same seed. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
type Chance = ReturnType<typeof chance>;

const softmax: Write = (b, x) => b.op('Softmax', [x], { attributes: { axis: 1 } });
const pooled: Write = (b, x) => b.op('MaxPool', [x], { attributes: { kernel_shape: [2, 2] } });
const view: Write = chain(
  (b, x) => b.op('Reshape', [x, b.ints([0, -1])]),
  (b, x) => b.op('MatMul', [x, weights(b, [60, 5], 4)]),
);
const SEEDLINGS: readonly Uint8Array[] = [
  modelOf(chain(body, head, softmax)),
  modelOf(chain(body, pooled, view)),
  modelOf(
    chain(body, (b, x) => b.op('Clip', [x], { attributes: { min: { float: 0 } } }), head),
    { opset: 9 },
  ),
];

/**
 * Reads the bytes as the commands and the service do. Every fault must come as an InputError with a sentence.
 */
async function look(bytes: Uint8Array): Promise<'told' | 'read'> {
  try {
    tensorNames(bytes);
    const { unsupported } = await inspect(bytes, engine, { imageShape: [3, 6, 8] });
    for (const sentence of unsupported) expect(sentence).toMatch(/^[^\n]{10,}$/);
    return unsupported.length > 0 ? 'told' : 'read';
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    for (const fault of error.faults) expect(fault).toMatch(/^[^\n]{10,}$/);
    return 'told';
  }
}

const flipped = (bytes: Uint8Array, next: Chance): Uint8Array => {
  const broken = bytes.slice();
  for (let i = next(4); i >= 0; i--) broken[next(broken.length)]! ^= 1 << next(8);
  return broken;
};

/** The bytes with a piece copied from one place to another. */
function spliced(bytes: Uint8Array, next: Chance): Uint8Array {
  const [from, to, length] = [next(bytes.length), next(bytes.length), next(40)];
  const broken = bytes.slice();
  broken.set(
    bytes.subarray(from, Math.min(from + length, bytes.length - (to - from))).subarray(0, bytes.length - to),
    to,
  );
  return broken;
}

const STRANGE_NUMBERS = [0, -1, 1, 2, 7, -(2 ** 31), 2 ** 31, 2 ** 53];
const STRANGE_OPS = [
  'toString',
  'constructor',
  '__proto__',
  'Loop',
  'If',
  'Scan',
  'Conv',
  'Softmax',
  'Resize',
  '',
];

/** The graph with one part that does not fit the rest. */
function misfit(model: Model, next: Chance): Model {
  const { graph } = model;
  const nodes = [...graph.nodes];
  const at = next(nodes.length);
  const node = nodes[at]!;
  const values: Value[] = [
    ...graph.inputs,
    ...nodes.flatMap(({ outputs }) => outputs.filter((v) => v !== null)),
  ];
  const some = values[next(values.length)]!;
  const changed = (part: Partial<Node>): Graph => ({ ...graph, nodes: nodes.with(at, { ...node, ...part }) });
  const number = STRANGE_NUMBERS[next(STRANGE_NUMBERS.length)]!;
  const names = ['axis', 'kernel_shape', 'pads', 'strides', 'group', 'to', 'perm', 'dilations', 'auto_pad'];
  const strange: Attribute[] = [
    { kind: 'int', value: number },
    { kind: 'ints', value: [number, number] },
    { kind: 'string', value: 'SAME_UPPER' },
    { kind: 'graph', value: graph },
  ];
  const attribute = { [names[next(names.length)]!]: strange[next(strange.length)]! };
  const shape = [number, 3, STRANGE_NUMBERS[next(STRANGE_NUMBERS.length)]!, 8].slice(next(3));
  const [input] = graph.inputs as [Value];
  const changes: (() => Graph | Model)[] = [
    () => changed({ opType: STRANGE_OPS[next(STRANGE_OPS.length)]! }),
    () => changed({ inputs: node.inputs.with(next(node.inputs.length), some) }),
    () => changed({ inputs: node.inputs.slice(1) }),
    () => changed({ inputs: node.inputs.map(() => null) }),
    () => changed({ outputs: [] }),
    () => changed({ domain: 'com.example' }),
    () => changed({ attributes: { ...node.attributes, ...attribute } }),
    () => changed({ attributes: {} }),
    () => ({ ...graph, nodes: nodes.toReversed() }),
    () => ({ ...graph, nodes: nodes.toSpliced(at, 1) }),
    () => ({ ...graph, outputs: [] }),
    () => ({ ...graph, outputs: [some] }),
    () => ({ ...graph, outputs: [some, ...graph.outputs, input] }),
    () => ({ ...graph, inputs: [] }),
    () => ({ ...graph, inputs: [{ ...input, type: { dataType: next(20), shape } }] }),
    () => ({ ...graph, initializers: new Map([...graph.initializers].toSpliced(next(4), 1)) }),
    () => ({ ...model, opset: [-1, 0, 6, 7, 9, 12, 17, 26, 1e9][next(9)]! }),
    () => ({ ...model, irVersion: [-1, 0, 3, 12, 99][next(5)]! }),
  ];
  const result = changes[next(changes.length)]!();
  return 'graph' in result ? result : { ...model, graph: result };
}

async function outcomes(seeds: number, write: (bytes: Uint8Array, next: Chance) => Uint8Array) {
  const counts = { told: 0, read: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const next = chance(seed * 7919);
    const bytes = write(SEEDLINGS[next(SEEDLINGS.length)]!, next);
    try {
      counts[await look(bytes)] += 1;
    } catch (cause) {
      throw new Error(`Seed ${seed}: ${(cause as Error).message}`, { cause });
    }
  }
  return counts;
}

it.each([
  ['of flipped bits', flipped],
  ['of pieces in other places', spliced],
  ['cut off', (bytes: Uint8Array, next: Chance) => bytes.subarray(0, next(bytes.length))],
])('a file %s is read or refused in one sentence', async (_what, write) => {
  const { told } = await outcomes(60, write);
  expect(told).toBeGreaterThan(10);
});

it('a graph with something that fits nothing is read or refused in one sentence', async () => {
  const { told } = await outcomes(250, (bytes, next) => encodeModel(misfit(decodeModel(bytes), next)));
  expect(told).toBeGreaterThan(100);
});

it('names in a file put no line break and no code for terminals into a message', async () => {
  const named: Write = (b, x) => b.op('Sinh', [x], { name: 'a\nb\u001B[2Jc' });
  const { unsupported } = await inspect(modelOf(chain(body, named, head)), engine);
  expect(unsupported[0]).toMatch(/^Sinh "a b \[2Jc" follows an adapted layer/);
  expect(() => tensorNames(modelOf(named, { inputs: [{ name: 'x\ny' }] }))).toThrow('(image, x y)');
});
