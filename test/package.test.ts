import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const ROOT = new URL('../', import.meta.url);
const read = (file: string): Promise<string> => readFile(new URL(file, ROOT), 'utf8');

interface Lock {
  readonly packages: Readonly<Record<string, { readonly engines?: { readonly node?: string } }>>;
}

type Release = readonly [number, number, number];

const releaseOf = (text: string): Release => {
  const [major = 0, minor = 0, patch = 0] = (/[\d.]+/.exec(text)?.[0] ?? '0').split('.').map(Number);
  return [major, minor, patch];
};

const isUpTo = (a: Release, b: Release): boolean => {
  const i = a.findIndex((part, at) => part !== b[at]);
  return i === -1 || a[i]! < b[i]!;
};

it('installs no package that wants a newer Node than the one that is promised', async () => {
  const oldest = releaseOf(JSON.parse(await read('package.json')).engines.node);
  const { packages } = JSON.parse(await read('package-lock.json')) as Lock;
  // Each part of an "or" begins with the release from which on it holds.
  const wantsNewer = Object.entries(packages).filter(
    ([, { engines }]) =>
      !(engines?.node ?? '0').split('||').some((range) => isUpTo(releaseOf(range), oldest)),
  );
  expect(wantsNewer.map(([name]) => name)).toEqual([]);
});

it('comes with the licence that package.json names, word for word', async () => {
  expect(JSON.parse(await read('package.json')).license).toBe('Apache-2.0');
  const words = (await read('LICENSE')).trim().split(/\s+/).join(' ');
  expect(words).toMatch(/^Apache License Version 2\.0, January 2004 .+ limitations under the License\.$/);
  expect(createHash('sha256').update(words).digest('hex')).toBe(
    '0ffddef9e48f8a09aed5caf2d44f7ba1c1be2d9b8e0a6f693b1635b2d5566645',
  );
});
