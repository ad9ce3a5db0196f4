import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../../../test/fixtures/engine/start-engine.ts';
import { DATA_TYPE, decodeModel, type Graph, type Node } from '../../../onnx/index.ts';
import { float32, int64, type Tensor } from '../../../tensor.ts';
import { compile, createRecipe, type PresetName } from '../../index.ts';

const folder = new URL('../../../../test/golden/architectures/', import.meta.url);
const model = readFileSync(new URL('resnet/model.onnx', folder));

const engine = startEngine();

function images(rows: number): Tensor<'float32'> {
  const { buffer, byteOffset } = readFileSync(new URL('images.f32', folder));
  const data = new Float32Array(buffer.slice(byteOffset, byteOffset + rows * 3 * 32 * 32 * 4));
  return float32([rows, 3, 32, 32], data);
}

/** All nodes, those of bodies too. */
const allNodes = ({ nodes }: Graph): Node[] =>
  nodes.flatMap((node) => [
    node,
    ...Object.values(node.attributes).flatMap((a) => (a.kind === 'graph' ? allNodes(a.value) : [])),
  ]);

async function answers(preset: PresetName, convolutions: 'fp16' | 'fp32') {
  const { bytes, input, output } = await compile(model, createRecipe({ preset }), engine, { convolutions });
  const steps = int64([], [createRecipe({ preset }).steps]);
  const answer = await engine.evaluate(bytes, { [input]: images(6), steps });
  return { bytes, logits: answer[output] as Tensor<'float32'>, entropy: answer.entropy as Tensor<'float32'> };
}

describe.each(['static', 'dent', 'isolated', 'brief'] as const)('%s', (preset) => {
  it('computes its convolutions, and nothing else, in float16', async () => {
    const { bytes } = await answers(preset, 'fp16');
    const nodes = allNodes(decodeModel(bytes).graph);
    const halved = new Set(
      nodes.filter(({ attributes: { to } }) => to?.kind === 'int' && to.value === DATA_TYPE.float16),
    );
    const halves = new Set([...halved].flatMap((node) => node.outputs));
    const convolutions = nodes.filter(({ opType }) => /^Conv(Transpose)?$/.test(opType));
    expect(convolutions.length).toBeGreaterThan(5);
    expect(convolutions.filter((node) => !halves.has(node.inputs[0]!))).toEqual([]);
    const others = nodes.filter((node) => node.inputs.some((value) => value && halves.has(value)));
    expect(others.filter((node) => !convolutions.includes(node))).toEqual([]);
  });

  it('answers nearly as in float32', async () => {
    const [half, whole] = [await answers(preset, 'fp16'), await answers(preset, 'fp32')];
    const largest = Math.max(...whole.logits.data.map(Math.abs));
    const off = half.logits.data.map((logit, i) => Math.abs(logit - whole.logits.data[i]!) / largest);
    expect(Math.max(...off)).toBeLessThan(0.05);
    // It is another arithmetic: alike to the last bit would mean that nothing was halved.
    expect(Math.max(...off)).toBeGreaterThan(1e-6);
    const falls = (entropy: Tensor<'float32'>) =>
      entropy.data.at(-1)! <= entropy.data[entropy.dims[1]! - 1]! + 1e-6;
    expect(falls(half.entropy)).toBe(falls(whole.entropy));
  });
});
