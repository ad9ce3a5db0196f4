import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { float32 } from '../tensor.ts';
import { encodeNpy, openNpy } from './npy.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'npy-'));
});
afterAll(() => rm(folder, { recursive: true }));

const VALUES = [0, 1.5, -2, 1e-8, 3e38, -0.25];

interface Written {
  readonly version?: 1 | 2 | 3;
  readonly header?: string;
  readonly data?: ArrayBufferView;
}

/** A file as NumPy writes it; by default 3 x 2 float32. */
function npy({ version = 1, header, data = Float32Array.from(VALUES) }: Written = {}): Buffer {
  const text = header ?? "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  const unpadded = 8 + length.length + text.length + 1;
  const padded = `${text}${' '.repeat((64 - (unpadded % 64)) % 64)}\n`;
  if (version === 1) length.writeUInt16LE(padded.length);
  else length.writeUInt32LE(padded.length);
  return Buffer.concat([
    Buffer.from([0x93, ...Buffer.from('NUMPY'), version, 0]),
    length,
    Buffer.from(padded),
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  ]);
}

async function written(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

it.each([1, 2, 3] as const)('reads any rows of a file of version %i', async (version) => {
  const file = await openNpy(await written(`v${version}.npy`, npy({ version })));
  expect(file.shape).toEqual([3, 2]);
  expect(await file.readRows(0, 3)).toEqual(float32([3, 2], VALUES));
  expect(await file.readRows(1, 2)).toEqual(float32([1, 2], VALUES.slice(2, 4)));
  await file.close();
});

it('reads uint8, and says that it is bytes', async () => {
  const header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }";
  const file = await openNpy(await written('u1.npy', npy({ header, data: Uint8Array.of(0, 1, 128, 255) })));
  expect(file.bytes).toBe(true);
  expect(await file.readRows(1, 2)).toEqual(float32([1, 2], [128, 255]));
  await file.close();
});

it('rounds float64 to float32', async () => {
  const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (6L,), }";
  const data = Float64Array.from([...VALUES.slice(0, 5), 0.1]);
  const file = await openNpy(await written('f8.npy', npy({ header, data })));
  expect(file.shape).toEqual([6]);
  expect(await file.readRows(4, 6)).toEqual(float32([2], [3e38, Math.fround(0.1)]));
  await file.close();
});

it.each([[[3, 2]], [[6]], [[6, 1, 1, 1]]])('reads what it writes in the shape %j', async (shape) => {
  const tensor = float32(shape, VALUES);
  const bytes = encodeNpy(tensor);
  const file = await openNpy(await written('own.npy', bytes));
  expect(file.shape).toEqual(shape);
  expect(await file.readRows(0, shape[0]!)).toEqual(tensor);
  await file.close();
});

it('writes the bytes that NumPy writes', () => {
  expect(Buffer.from(encodeNpy(float32([3, 2], VALUES)))).toEqual(npy());
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }";
  expect(Buffer.from(encodeNpy(float32([6], VALUES)))).toEqual(npy({ header }));
});

const head = (rest: string): string => `{'descr': ${rest}, }`;

it.each([
  [
    'a text',
    Buffer.from('this is some other file'),
    'this is no .npy file; give an array that numpy.save has written.',
  ],
  ['nothing', Buffer.alloc(0), 'this is no .npy file; give an array that numpy.save has written.'],
  [
    'a later version',
    Buffer.concat([npy().subarray(0, 6), Buffer.alloc(20, 4)]),
    'version 4 is not supported',
  ],
  ['half a header', npy().subarray(0, 40), 'the file is truncated.'],
  [
    'half the data',
    npy().subarray(0, -10),
    'the file is truncated: an array of the shape [3, 2] takes 24 bytes, 14 are there.',
  ],
  ['no header', npy({ header: 'shape' }), 'the header of the .npy file is broken.'],
  [
    'signed bytes',
    npy({ header: head("'|i1', 'fortran_order': False, 'shape': (24,)") }),
    "the array's dtype is |i1; it must be float32 or float64, little-endian, or uint8 for pixels.",
  ],
  ['big endian', npy({ header: head("'>f4', 'fortran_order': False, 'shape': (6,)") }), 'dtype is >f4'],
  [
    'records',
    npy({ header: head("[('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (3,)") }),
    'dtype is [(a, <f4), (b, <i4)]',
  ],
  [
    'Fortran order',
    npy({ header: head("'<f4', 'fortran_order': True, 'shape': (3, 2)") }),
    'the array is in Fortran order',
  ],
])('refuses %s', async (_, bytes, message) => {
  const path = await written('bad.npy', bytes);
  const opening = openNpy(path);
  await expect(opening).rejects.toThrow(InputError);
  await expect(opening).rejects.toThrow(`${path}: `);
  await expect(opening).rejects.toThrow(message);
});

it('refuses what is not there and what is no file', async () => {
  await expect(openNpy(join(folder, 'none.npy'))).rejects.toThrow(
    new InputError(`${join(folder, 'none.npy')}: it cannot be read, it does not exist.`),
  );
  await expect(openNpy(folder)).rejects.toThrow(new InputError(`${folder}: it must be a regular file.`));
});
