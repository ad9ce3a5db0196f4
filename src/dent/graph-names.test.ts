import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  body,
  chain,
  head,
  images,
  modelOf,
  modelOfOutputs,
  type Write,
} from '../../test/fixtures/dent/models.ts';
import { createAdaptation, createEngine } from '../engine/index.ts';
import { compile, createRecipe, cutting, tensorNames } from './index.ts';

const engine = createEngine({ device: 'cpu', threads: 1, runTimeoutMs: 60_000 });
const { load } = createAdaptation(engine);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-names-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** Graphs with all inputs and outputs: pass by pass, with rows that stop, filled up, and with a choice. */
const GRAPHS = [
  { title: 'passes', preset: 'dent', inPasses: true },
  { title: 'stops', preset: 'brief' },
  { title: 'filled', preset: 'dent-smooth', isPadded: true },
  { title: 'choice', preset: 'auto', divergence: 0.1 },
];

interface Answer {
  readonly output: string;
  readonly numbers: readonly number[];
}

/** What each of the graphs answers, and how the logits are called there. */
async function answers(model: Uint8Array): Promise<Answer[]> {
  const found: Answer[] = [];
  for (const { title, inPasses = false, isPadded = false, ...options } of GRAPHS) {
    const recipe = createRecipe(options);
    const compiled = await compile(model, recipe, engine, { inPasses, isPadded });
    const path = join(folder, `${title}.onnx`);
    await writeFile(path, compiled.bytes);
    const { input, output } = compiled;
    const artifact = await load({ name: title, path, input, output, ...cutting(recipe, compiled) });
    const { logits, staticLogits, entropy } = await artifact.run(images(4), Math.min(2, recipe.steps));
    await artifact.release();
    found.push({ output, numbers: [logits, staticLogits, entropy].flatMap(({ data }) => [...data]) });
  }
  return found;
}

const plain: Write = chain(body, head);
let expected: Answer[];
beforeAll(async () => {
  expected = await answers(modelOf(plain));
}, 60_000);

const close = (list: readonly Answer[]) =>
  list.map(({ numbers }) => numbers.map((each) => expect.closeTo(each, 4)));

const INPUTS = ['steps', 'valid_rows', 'carried', 'gradient', 'updates', 'batch_rows', 'adapt'];
const OUTPUTS = ['static_logits', 'entropy', 'top', 'sigma', 'parameters', 'blended', 'divergence'];
const TAKEN = [...INPUTS, ...OUTPUTS, 'next_carried', 'next_gradient'];

describe('a name that compiled graphs need themselves', () => {
  it.each(TAKEN)('may be that of the image: %s', async (name) => {
    const found = await answers(modelOf(plain, { image: name }));
    expect(found.map(({ numbers }) => numbers)).toEqual(close(expected));
  });

  it.each(TAKEN)('may be that of the logits: %s', async (name) => {
    const model = modelOfOutputs((b, x) => ({ [name]: [b.op('Add', [plain(b, x), b.float(0)]), 5] }));
    const found = await answers(model);
    expect(found.map(({ numbers }) => numbers)).toEqual(close(expected));
    expect(new Set(found.map(({ output }) => output))).toEqual(new Set([`${name}_logits`]));
    expect(tensorNames(model)).toEqual({ input: 'image', output: `${name}_logits` });
  });
});
