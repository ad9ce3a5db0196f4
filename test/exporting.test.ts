import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runDent } from './fixtures/cli/run-dent.ts';
import { ROOT } from './fixtures/serving/photos.ts';

const run = promisify(execFile);

/** `DENT_PYTHON` names a Python with torch. Without it `python3` is tried. */
const PYTHON = process.env.DENT_PYTHON ?? 'python3';
const TIMEOUT_MS = 300_000;

/** Two convolutions with BatchNormalization, which exporters fold. */
const NETWORK = `
from torch import nn
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-export-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The calls of torch.onnx.export that a page shows. */
async function exportsOf(page: string): Promise<string[]> {
  const text = await readFile(new URL(page, ROOT), 'utf8');
  return Array.from(text.matchAll(/```python\n(.+?)```/gs), (found) => found[1]!).filter((snippet) =>
    snippet.includes('torch.onnx.export('),
  );
}

/** Whether this torch has the newer exporter. Undefined where no torch can be imported. */
async function knowsDynamo(): Promise<boolean | undefined> {
  const question =
    'import inspect, torch.onnx; print("dynamo" in inspect.signature(torch.onnx.export).parameters)';
  const answer = await run(PYTHON, ['-c', question]).catch(() => undefined);
  return answer && answer.stdout.trim() === 'True';
}

async function keptLayers(snippet: string): Promise<string[]> {
  await writeFile(join(folder, 'export.py'), NETWORK + snippet);
  await run(PYTHON, ['export.py'], { cwd: folder });
  const { stdout } = await runDent(['inspect', join(folder, 'model.onnx'), '--json']);
  const { layers, unsupported } = JSON.parse(stdout) as { layers: { kind: string }[]; unsupported: string[] };
  expect(unsupported).toEqual([]);
  return layers.map(({ kind }) => kind);
}

it('shows in the README the first export of docs/exporting.md', async () => {
  const [first, second] = await exportsOf('docs/exporting.md');
  expect(await exportsOf('README.md')).toEqual([first]);
  // The options that keep BatchNormalization in each of the two exporters.
  expect(first).toMatch(/dynamo=False,.+TrainingMode\.PRESERVE,.+do_constant_folding=False,/s);
  expect(second).toContain('optimize=False,');
});

it('keeps BatchNormalization by each export that docs/exporting.md shows', {
  timeout: TIMEOUT_MS,
}, async (test) => {
  const isNew = await knowsDynamo();
  if (isNew === undefined) {
    const note = `${PYTHON} cannot import torch, so only the text was tested; DENT_PYTHON names another.`;
    process.stderr.write(`${note}\n`);
    test.skip(note);
  }
  const [first, second] = await exportsOf('docs/exporting.md');
  // The page's advice for a torch without `dynamo`.
  const fitting = isNew ? [first!, second!] : [first!.replace(/^ +dynamo=False,.*\n/m, '')];
  for (const snippet of fitting) expect(await keptLayers(snippet)).toEqual(['batch', 'batch']);
});
