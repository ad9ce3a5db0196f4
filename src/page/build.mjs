/**
 * Builds the page into the folder that it is given: bundled scripts and styles and the example photographs
 * under names with hashes of their contents, each compressed beside itself, and `files.json`, which says what
 * is served where. Nothing of it runs in the service.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, parse, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { build } from 'esbuild';
import sharp from 'sharp';

const HERE = import.meta.dirname;
const [out] = process.argv.slice(2);

/** The longest side of an example: sharp enough to be looked at, and the page stays small. */
const LONGEST_SIDE = 320;

const { resolve } = createRequire(import.meta.url);
const files = [];

/**
 * Writes one file of the page, and compressed what shrinks. Paths are relative to the page; all but its own
 * have a hash.
 */
async function add(name, type, bytes, { path } = {}) {
  const { name: stem, ext } = parse(name);
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 10);
  const file = path === undefined ? `${stem}-${hash}${ext}` : name;
  await writeFile(join(out, file), bytes);
  const encodings = type.startsWith('image/jpeg') ? [] : ['br', 'gzip'];
  for (const encoding of encodings) {
    const compress = promisify(encoding === 'br' ? brotliCompress : gzip);
    await writeFile(join(out, `${file}.${encoding}`), await compress(bytes));
  }
  const entry = { path: path ?? `page/${file}`, file, type, encodings };
  files.push(entry);
  return entry.path;
}

/**
 * The page runs in browsers and knows what the public API says: of the rest of the source it may use types,
 * which leave no trace.
 */
function requireOwnFiles(inputs) {
  const foreign = Object.keys(inputs)
    .filter((file) => !file.startsWith('<define:'))
    .map((file) => relative(join(HERE, '../..'), file))
    .find((file) => !/^src\/page\/|\bnode_modules\/preact\//.test(file));
  if (foreign !== undefined) throw new Error(`The page may not import ${foreign}, but for its types.`);
}

const bundle = async (entry, options) => {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(HERE, entry)],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    ...options,
  });
  requireOwnFiles(metafile.inputs);
  return Buffer.from(outputFiles[0].contents);
};

/** The list of photographs, which is TypeScript that Node.js does not read by itself. */
async function photographs() {
  const source = await bundle('photographs.ts', { platform: 'node' });
  return (await import(`data:text/javascript;base64,${source.toString('base64')}`)).PHOTOGRAPHS;
}

async function examples() {
  const found = await photographs();
  return Promise.all(
    found.map(async ({ name, shows, file, crop }) => {
      const size = { width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true };
      const jpeg = await sharp(resolve(file))
        .extract(crop)
        .resize(size)
        .jpeg({ quality: 80, mozjpeg: true })
        .toBuffer();
      const url = await add(`${name.replaceAll(/\W+/g, '-')}.jpg`, 'image/jpeg', jpeg);
      return { name, shows, url };
    }),
  );
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const define = { EXAMPLES: JSON.stringify(await examples()) };
const options = { minify: true, jsx: 'automatic', jsxImportSource: 'preact', define };
const script = await add('page.js', 'text/javascript; charset=utf-8', await bundle('main.tsx', options));
const style = await add('page.css', 'text/css; charset=utf-8', await bundle('page.css', { minify: true }));
const icon = await add('icon.svg', 'image/svg+xml', await readFile(join(HERE, 'icon.svg')));
const html = (await readFile(join(HERE, 'index.html'), 'utf8'))
  .replace('page.css', style)
  .replace('main.tsx', script)
  .replace('icon.svg', icon);
await add('index.html', 'text/html; charset=utf-8', Buffer.from(html), { path: '' });
await writeFile(join(out, 'files.json'), JSON.stringify(files, null, 2));
