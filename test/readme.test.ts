import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Prediction } from '../src/inference/inference.ts';
import { ROOT } from './fixtures/serving/photos.ts';
import { type Running, startDent } from './fixtures/serving/processes.ts';

let cache: string;
let server: Running;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'dent-readme-'));
  server = await startDent(['serve'], { DENT_CACHE_DIR: cache });
});
afterAll(async () => {
  server.process.kill('SIGINT');
  await server.exit;
  await rm(cache, { recursive: true });
});

/** The first curl call of a page, and the JSON that the page shows below it. */
async function exampleOf(page: string): Promise<{ command: string; answer: Prediction }> {
  const text = await readFile(new URL(page, ROOT), 'utf8');
  const found = /```sh\n(curl --data-binary .+?)\n```\n+```json\n(.+?)\n```/s.exec(text);
  return { command: found![1]!.replace('\\\n', ''), answer: JSON.parse(found![2]!) };
}

/** Does what the curl call would do: not every machine has curl. */
async function send(command: string): Promise<Prediction> {
  const [, file, type, path] =
    /^curl --data-binary @(\S+) +-H 'content-type: (\S+)' 'localhost:8080(\S+)'$/.exec(command)!;
  const body = new Uint8Array(await readFile(new URL(file!, ROOT)));
  const url = new URL(path!, server.url);
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': type! }, body });
  expect(response.status).toBe(200);
  return (await response.json()) as Prediction;
}

/** The names and types of everything in a value. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]));
}

it("answers the README's first example as it says: a ship, which the model knows", async () => {
  const { command, answer } = await exampleOf('README.md');
  const given = await send(command);
  expect(shapeOf(given)).toEqual(shapeOf(answer));
  const labels = ({ predictions, static: asItIs }: Prediction) => [
    asItIs.label,
    ...predictions.map(({ label }) => label),
  ];
  expect(labels(given)).toEqual(labels(answer));
  expect(given.static.label).toBe('ship');
  expect(given.static.probability).toBeCloseTo(answer.static.probability, 2);
  expect(given.adaptation.label_changed).toBe(answer.adaptation.label_changed);
});

it('shows the photograph that the first example posts', async () => {
  const { command } = await exampleOf('README.md');
  const readme = await readFile(new URL('README.md', ROOT), 'utf8');
  expect(readme).toContain(`<img src="${/@(\S+)/.exec(command)![1]}"`);
});

it('still takes the cat for a deer, as the page on limits says', async () => {
  const { command, answer } = await exampleOf('docs/defence.md');
  const given = await send(command);
  expect([given.static.label, given.predictions[0]!.label]).toEqual(['deer', 'deer']);
  expect(given.static.probability).toBeCloseTo(answer.static.probability, 1);
});
