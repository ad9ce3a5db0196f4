import { access, readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { ROOT } from './fixtures/serving/photos.ts';

const FENCED = /^ *```.*?^ *```/gms;
const WEB = /^(https?|mailto):/;

/** Folders with pages in them; pages beside them lie in the root. */
const FOLDERS = ['bench', 'clients', 'docs', 'helm', 'models', 'test'];

async function pages(): Promise<string[]> {
  const inRoot = await readdir(ROOT);
  const below = FOLDERS.map(async (folder) =>
    (await readdir(new URL(`${folder}/`, ROOT), { recursive: true })).map((name) => `${folder}/${name}`),
  );
  const names = [...inRoot, ...(await Promise.all(below)).flat()];
  return names.filter((name) => name.endsWith('.md') && !name.includes('node_modules/'));
}

const textOf = async (page: URL): Promise<string> => (await readFile(page, 'utf8')).replaceAll(FENCED, '');

/** The anchors that sites which show Markdown give to headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ +(.+)$/gm)].map(([, heading]) => heading!);
  const plain = headings.map((heading) => heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase());
  return new Set(
    plain.map((heading) => heading.replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '').replaceAll(' ', '-')),
  );
}

async function faultOf(page: URL, link: string): Promise<string | undefined> {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : new URL(path, page);
  if (
    !(await access(target).then(
      () => true,
      () => false,
    ))
  )
    return `${link}: there is no such file`;
  if (anchor === undefined || !target.pathname.endsWith('.md')) return undefined;
  return anchorsOf(await textOf(target)).has(anchor) ? undefined : `${link}: there is no such heading`;
}

it('leads every link between pages to a file and a heading', async () => {
  const faults: string[] = [];
  let links = 0;
  for (const name of await pages()) {
    const page = new URL(name, ROOT);
    for (const [, inline, source] of (await textOf(page)).matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)) {
      const link = (inline ?? source)!;
      if (WEB.test(link)) continue;
      links += 1;
      const fault = await faultOf(page, link);
      if (fault !== undefined) faults.push(`${name}: ${fault}`);
    }
  }
  expect(faults).toEqual([]);
  expect(links).toBeGreaterThan(100);
});
