import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendLoop, encodeModel, type Graph, GraphBuilder, type Value } from '../../../onnx/index.ts';
import { schedule } from './schedule.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-schedule-'));
});
afterAll(() => rm(folder, { recursive: true }));

const variable = (name: string, shape: readonly number[]): Value => ({
  name,
  type: { dataType: 1, shape },
});

/**
 * A chain x -> Sin -> Sin ..., and a sum (Exp) of each link, all joined: the shape of layers and their
 * gradients.
 */
function appendChain(b: GraphBuilder, x: Value): Value {
  const sums: Value[] = [];
  let link = x;
  for (let i = 1; i <= 4; i++) {
    link = b.op('Sin', [link], { name: `link${i}` });
    sums.push(b.op('Exp', [link], { name: `sum${i}` }));
  }
  return b.op('Concat', sums.toReversed(), { name: 'y', attributes: { axis: 0 } });
}

const WANTED = ['link1', 'sum1', 'link2', 'sum2', 'link3', 'sum3', 'link4', 'sum4'];

function chain(): Graph {
  const b = new GraphBuilder();
  const x = variable('x', [2]);
  const y = appendChain(b, x);
  y.type = { dataType: 1, shape: [8] };
  return b.build('chain', [x], [y]);
}

function looped(): Graph {
  const b = new GraphBuilder();
  const x = variable('x', [2]);
  const start = b.op('Concat', [x, x, x, x], { attributes: { axis: 0 } });
  const [y] = appendLoop(
    b,
    {
      name: 'round',
      trips: b.int(1),
      carried: [{ name: 'y', start, type: { dataType: 1, shape: [8] } }],
    },
    (body) => ({ carried: [appendChain(body, x)] }),
  ) as [Value];
  const out = b.op('Identity', [y], { name: 'out', shape: [8] });
  return b.build('looped', [x], [out]);
}

/** The order in which ONNX Runtime ran the links and sums, and the result. */
async function run(graph: Graph) {
  const model = { irVersion: 8, opset: 18, otherDomains: {}, producer: '', metadata: {}, graph };
  const session = await InferenceSession.create(encodeModel(model), {
    enableProfiling: true,
    profileFilePrefix: join(folder, graph.name),
  });
  const results = await session.run({ x: new Tensor('float32', [0.3, 0.7], [2]) });
  session.endProfiling();
  await session.release();
  const [file] = await readdir(folder);
  const events: { name: string; ts: number }[] = JSON.parse(await readFile(join(folder, file!), 'utf8'));
  await rm(join(folder, file!));
  const order = events
    .toSorted((a, b) => a.ts - b.ts)
    .flatMap(({ name }) => /((?:link|sum)\d)_kernel_time$/.exec(name)?.[1] ?? []);
  return { order, y: Array.from(Object.values(results)[0]!.data as Float32Array) };
}

describe('schedule', () => {
  it.each([
    ['a graph', chain],
    ["a loop's body", looped],
  ])('has ONNX Runtime run %s in the order of its nodes', async (_what, make) => {
    const before = await run(make());
    const after = await run(schedule(make()));
    // If this fails, ONNX Runtime has started to run nodes in order by itself, and the pass can go.
    expect(before.order).not.toEqual(WANTED);
    expect(after.order).toEqual(WANTED);
    expect(after.y).toEqual(before.y);
  });

  it('keeps a graph sorted, and every node of it', () => {
    const graph = chain();
    const { nodes } = schedule(graph);
    expect(new Set(nodes)).toHaveLength(graph.nodes.length);
    const known = new Set(graph.inputs);
    for (const node of nodes) {
      for (const input of node.inputs) expect(known).toContain(input);
      known.add(node.outputs[0]!);
    }
  });
});
