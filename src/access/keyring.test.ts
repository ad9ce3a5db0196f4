import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../errors.ts';
import { createKey, digestOf, type Keyring, openKeyring, parseKeyFile } from './index.ts';

const ann = createKey();
const bob = createKey();
const entry = (name: string, key: string, more = {}) => ({
  name,
  sha256: digestOf(key),
  scopes: ['predict'],
  ...more,
});
const written = (...keys: object[]): string => JSON.stringify({ keys });

describe('a key', () => {
  it('has 256 random bits, and a prefix to be seen by', () => {
    expect(ann).toMatch(/^dent_[\w-]{43}$/);
    expect(ann).not.toBe(bob);
    expect(digestOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('the file', () => {
  it('says who may do what', () => {
    const rate = { perSecond: 2.5 };
    const callers = parseKeyFile(
      written(entry('ann', ann, { rate, concurrency: 4, recipes: ['static'], priorities: [3] }), {
        ...entry('bob', bob),
        sha256: [digestOf(bob), digestOf('older')],
        scopes: ['admin', 'metrics'],
        static: false,
      }),
      'keys.json',
    );
    expect(callers.get(digestOf(ann))).toEqual({
      name: 'ann',
      scopes: ['predict'],
      limits: { rate: { perSecond: 2.5, burst: 3 }, concurrency: 4 },
      recipes: ['static'],
      priorities: [3],
      defaultPriority: 3,
    });
    expect(callers.get(digestOf('older'))).toBe(callers.get(digestOf(bob)));
    expect(callers.get(digestOf(bob))).toEqual({
      name: 'bob',
      scopes: ['admin', 'metrics'],
      limits: {},
      defaultPriority: 2,
      hidesStatic: true,
    });
  });

  it.each([
    ['{', 'k: this is not valid JSON; docs/configuration.md shows a key file.'],
    ['[]', 'k: the file must be of type object; docs/configuration.md shows a key file.'],
    ['{}', 'k: the file lacks "keys"; docs/configuration.md shows a key file.'],
    [written({ ...entry('ann', ann), sha256: ann }), 'k: the field "keys.0.sha256"'],
    [written(entry('ann', ann, { scopes: ['root'] })), 'must be one of predict, admin, metrics; docs'],
    [written(entry('ann', ann, { scopes: [] })), 'k: the field "keys.0.scopes"'],
    [written(entry('ann', ann, { rat: 1 })), 'k: the field "keys.0" has no field "rat"; docs'],
    [written(entry('an n', ann)), 'k: the field "keys.0.name"'],
    [written(entry('ann', ann), entry('ann', bob)), 'k: the entry keys.1 ("ann") has the name of another'],
    [written(entry('ann', ann), entry('bob', ann)), 'k: the entry keys.1 ("bob") has a digest'],
    [
      written(entry('ann', ann, { priorities: [3], defaultPriority: 1 })),
      'k: the entry keys.0 ("ann") has the default priority 1, which is none of its priorities.',
    ],
  ])('is refused with the fault named: %s', (text, message) => {
    expect(() => parseKeyFile(text, 'k')).toThrow(InputError);
    expect(() => parseKeyFile(text, 'k')).toThrow(message);
  });

  it('is refused without a word of a key that stands where its digest should', () => {
    let message = '';
    try {
      parseKeyFile(written({ ...entry('ann', ann), sha256: ann }), 'k');
    } catch (error) {
      message = String(error);
    }
    expect(message).not.toContain(ann);
  });
});

describe('the keyring', () => {
  let folder: string;
  let file: string;
  let keyring: Keyring | undefined;
  const told: string[] = [];
  const observer = {
    read: (names: readonly string[]) => told.push(`read ${names.join(' ')}`),
    failed: ({ message }: InputError) => told.push(message),
  };
  const knows = (key: string): boolean => keyring!.find(key) !== undefined;
  const waitFor = (check: () => void) => vi.waitFor(check, { timeout: 8000, interval: 50 });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dent-keys-'));
    file = join(folder, 'keys.json');
    told.length = 0;
  });
  afterEach(async () => {
    keyring?.close();
    await rm(folder, { recursive: true });
  });

  it('does not open over a file that is missing or broken', async () => {
    await expect(openKeyring(file, observer)).rejects.toThrow(
      `${file}: the key file cannot be read, it does not exist.`,
    );
    await writeFile(file, 'keys');
    await expect(openKeyring(file, observer)).rejects.toThrow(InputError);
  });

  it('reads a file with a byte order mark', async () => {
    await writeFile(file, `\uFEFF${written(entry('ann', ann))}`);
    keyring = await openKeyring(file, observer);
    expect(knows(ann)).toBe(true);
  });

  it('takes new keys and drops old ones when the file changes, and keeps them while it is broken', async () => {
    await writeFile(file, written(entry('ann', ann)));
    keyring = await openKeyring(file, observer);
    expect([knows(ann), knows(bob), knows('')]).toEqual([true, false, false]);

    await writeFile(file, written(entry('ann', ann)).slice(0, -5));
    await waitFor(() => expect(told).toHaveLength(2));
    expect(knows(ann)).toBe(true);

    await writeFile(file, written(entry('bob', bob)));
    await waitFor(() => expect(told).toHaveLength(3));
    expect([knows(ann), knows(bob)]).toEqual([false, true]);

    await rm(file);
    await waitFor(() => expect(told).toHaveLength(4));
    expect(knows(bob)).toBe(true);
    expect(told).toEqual([
      'read ann',
      `${file}: this is not valid JSON; docs/configuration.md shows a key file.`,
      'read bob',
      `${file}: the key file cannot be read, it does not exist.`,
    ]);
  });

  it('follows links that are replaced, as those of mounted secrets are', async () => {
    await writeFile(join(folder, 'first'), written(entry('ann', ann)));
    await writeFile(join(folder, 'second'), written(entry('ann', bob)));
    await symlink('first', file);
    keyring = await openKeyring(file, observer);
    expect(knows(ann)).toBe(true);
    await symlink('second', join(folder, 'next'));
    await rename(join(folder, 'next'), file);
    await waitFor(() => expect(knows(bob)).toBe(true));
    expect(knows(ann)).toBe(false);
  });
});
