import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { ROOT } from './fixtures/serving/photos.ts';

/** The formatter's line width, which it does not apply to comments. */
const WIDTH = 110;
const GENERATED = /^src\/onnx\/proto\//;

/** Comment lines beyond the width, as "file:line". */
async function wideComments(folder: string): Promise<string[]> {
  const names = await readdir(new URL(`${folder}/`, ROOT), { recursive: true });
  const files = names.map((name) => `${folder}/${name}`);
  const sources = files.filter((file) => /\.(?:tsx?|mjs)$/.test(file) && !GENERATED.test(file));
  const found = sources.map(async (file) => {
    const lines = (await readFile(new URL(file, ROOT), 'utf8')).split('\n');
    return lines.flatMap((line, i) =>
      line.length > WIDTH && /^\s*(?:\/\/|\/?\*)/.test(line) ? [`${file}:${i + 1}`] : [],
    );
  });
  return (await Promise.all(found)).flat();
}

it.each(['src', 'test', 'bench'])('has no comment beyond 110 columns in %s', async (folder) => {
  expect(await wideComments(folder)).toEqual([]);
});
