import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runDent } from '../../test/fixtures/cli/run-dent.ts';

const MODEL = 'models/cifar10-resnet14/1/model.onnx';

it('reports what a model is and what of it is adapted', async () => {
  const { stdout, stderr, code } = await runDent(['inspect', MODEL]);
  const lines = stdout.split('\n');
  expect(lines.slice(0, 6)).toEqual([
    `${MODEL}: opset 13, written by pytorch 1.13.0`,
    'input input: float32 [batch, 3, 32, 32]',
    'output logits: float32 [batch, 10]',
    'takes "input" as float32 NCHW images of 3 x 32 x 32 (channels, height, width)',
    'takes "logits" as logits of 10 classes',
    'adapts 16 batch normalisations',
  ]);
  expect(lines.filter((line) => / batch +\d+ +yes$/.test(line))).toHaveLength(16);
  expect(lines.slice(-3)).toEqual(['layers adapted: 16, parameters: 2272', 'The model can be adapted.', '']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

it('prints the same as one JSON object', async () => {
  const { stdout } = await runDent(['inspect', MODEL, '--json']);
  const { layers, reading, ...rest } = JSON.parse(stdout);
  expect(reading).toEqual({
    input: { name: 'input', layout: 'NCHW', type: 'float32', channels: 3, height: 32, width: 32 },
    output: { name: 'logits', classes: 10, takenAs: 'logits', leftOut: [] },
    layers: [{ kind: 'batch', adapted: 16 }],
    leftAlone: [],
    warnings: [],
  });
  expect(layers).toHaveLength(16);
  expect(layers[0]).toEqual({
    name: '/net/f/f.1/BatchNormalization',
    kind: 'batch',
    channels: 16,
    adapted: true,
  });
  expect(rest).toEqual({
    ...{ model: MODEL, opset: 13, producer: 'pytorch 1.13.0', metadata: {} },
    inputs: [{ name: 'input', type: 'float32', shape: ['batch', 3, 32, 32] }],
    outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 10] }],
    ...{ classes: 10, parameters: 2272, unsupported: [] },
  });
});

it('reports why a model cannot be adapted, and fails', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'inspect-'));
  const compiled = join(folder, 'compiled.onnx');
  await runDent(['compile', MODEL, '-o', compiled]);
  const { stdout, code } = await runDent(['inspect', compiled]);
  expect(stdout).toContain(
    'The model cannot be adapted:\n- This graph is compiled already: it adapts itself. Give the model that it was compiled from.\n',
  );
  expect(code).toBe(1);
  const json = await runDent(['inspect', compiled, '--json']);
  expect(JSON.parse(json.stdout).unsupported).toHaveLength(1);
  expect(json.code).toBe(1);
  await rm(folder, { recursive: true });
});

it.each([
  [
    'package.json',
    'package.json: This is not an ONNX model: its bytes do not parse. Give a file that an exporter has written (docs/exporting.md), all of it.',
  ],
  ['none.onnx', 'none.onnx: it cannot be read, it does not exist.'],
])('fails in one line on %s', async (path, message) => {
  expect(await runDent(['inspect', path])).toEqual({ stdout: '', stderr: `dent: ${message}\n`, code: 1 });
});
