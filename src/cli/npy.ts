import { type FileHandle, open } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import { elementCount, float32, type Tensor } from '../tensor.ts';
import { fileError } from './file-error.ts';

/** An array on disk. Only the requested rows are read. */
export interface NpyFile {
  readonly shape: readonly number[];
  /** Whether the elements are bytes (uint8): unnormalised pixels. */
  readonly bytes: boolean;
  /** Rows `from` (inclusive) to `to` (exclusive) along the first axis. */
  readRows(from: number, to: number): Promise<Tensor<'float32'>>;
  close(): Promise<void>;
}

/** `\x93NUMPY`, the start of every file. One byte each for the major and minor version follow. */
const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/**
 * Bytes before the header: the magic, the version, and the header's length (2 bytes in version 1, then 4).
 */
const PREAMBLE_BYTES = { 1: 10, 2: 12, 3: 12 } as const;

/** The types that we read, by NumPy's names. */
const ARRAYS = { '<f4': Float32Array, '<f8': Float64Array, '|u1': Uint8Array } as const;
type DType = keyof typeof ARRAYS;

interface Layout {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly offset: number;
}

async function readExactly(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new InputError('the file is truncated.');
    done += bytesRead;
  }
}

const noArray = (): InputError =>
  new InputError('this is no .npy file; give an array that numpy.save has written.');

async function readHeader(file: FileHandle, size: number): Promise<{ text: string; offset: number }> {
  const start = Buffer.alloc(12);
  if (size < start.length) throw noArray();
  await readExactly(file, start, 0);
  if (!start.subarray(0, 6).equals(MAGIC)) throw noArray();
  const version = start[6]!;
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new InputError(`the .npy format's version ${version} is not supported, only 1 to 3 are.`);
  }
  const length = version === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  const offset = PREAMBLE_BYTES[version] + length;
  if (offset > size) throw new InputError('the file is truncated.');
  const header = Buffer.alloc(length);
  await readExactly(file, header, PREAMBLE_BYTES[version]);
  return { text: header.toString('latin1'), offset };
}

/**
 * The header is a literal of a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3),
 * }.
 */
function parseHeader(text: string): Omit<Layout, 'offset'> {
  const dtype = /['"]descr['"]\s*:\s*(\[.*\]|['"].*?['"])\s*,/s.exec(text)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const sizes = /['"]shape['"]\s*:\s*\(([\dL,\s]*)\)/.exec(text)?.[1];
  if (dtype === undefined || order === undefined || sizes === undefined) {
    throw new InputError('the header of the .npy file is broken.');
  }
  const name = dtype.replaceAll(/['"]/g, '');
  if (!Object.hasOwn(ARRAYS, name)) {
    throw new InputError(
      `the array's dtype is ${name}; it must be float32 or float64, little-endian, or uint8 for pixels.`,
    );
  }
  if (order === 'True') {
    throw new InputError('the array is in Fortran order; save numpy.ascontiguousarray of it instead.');
  }
  // Python 2 wrote an L after its long integers.
  const shape = sizes.split(',').filter((size) => size.trim() !== '');
  return { dtype: name as DType, shape: shape.map((size) => Number.parseInt(size, 10)) };
}

async function readLayout(file: FileHandle): Promise<Layout> {
  const stats = await file.stat();
  if (!stats.isFile()) throw new InputError('it must be a regular file.');
  const { size } = stats;
  const { text, offset } = await readHeader(file, size);
  const layout = { ...parseHeader(text), offset };
  const bytes = elementCount(layout.shape) * ARRAYS[layout.dtype].BYTES_PER_ELEMENT;
  if (offset + bytes > size) {
    throw new InputError(
      `the file is truncated: an array of the shape [${layout.shape.join(', ')}] takes ${bytes} bytes, ${size - offset} are there.`,
    );
  }
  return layout;
}

async function readRows(
  file: FileHandle,
  { dtype, shape, offset }: Layout,
  from: number,
  to: number,
): Promise<Tensor<'float32'>> {
  const dims = [to - from, ...shape.slice(1)];
  const elements = new ARRAYS[dtype](elementCount(dims));
  const rowBytes = elementCount(shape.slice(1)) * elements.BYTES_PER_ELEMENT;
  await readExactly(file, new Uint8Array(elements.buffer), offset + from * rowBytes);
  return float32(dims, elements instanceof Float32Array ? elements : Float32Array.from(elements));
}

/**
 * Opens an array of little-endian float32, or of float64 or uint8, which become float32. Rejects with
 * `InputError` naming the file and its fault.
 */
export async function openNpy(path: string): Promise<NpyFile> {
  const named = (error: unknown): InputError =>
    error instanceof InputError
      ? new InputError(`${path}: ${error.message}`, { cause: error })
      : fileError(path, 'read', error);
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const opened = file;
    const layout = await readLayout(opened);
    return {
      shape: layout.shape,
      bytes: layout.dtype === '|u1',
      async readRows(from, to) {
        return readRows(opened, layout, from, to).catch((error) => {
          throw named(error);
        });
      },
      close: () => opened.close(),
    };
  } catch (error) {
    await file?.close();
    throw named(error);
  }
}

/** The bytes of a .npy file (version 1.0) that holds `tensor`. */
export function encodeNpy({ dims, data }: Tensor<'float32'>): Uint8Array {
  // In Python a tuple of one element ends with a comma.
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  // The elements begin at a multiple of 64 bytes, so that the file can be mapped. A line feed ends the
  // header.
  const length = Math.ceil((PREAMBLE_BYTES[1] + header.length + 1) / 64) * 64 - PREAMBLE_BYTES[1];
  const preamble = Buffer.alloc(PREAMBLE_BYTES[1]);
  MAGIC.copy(preamble);
  preamble.writeUInt8(1, 6);
  preamble.writeUInt16LE(length, 8);
  const text = Buffer.from(`${header.padEnd(length - 1)}\n`, 'latin1');
  return Buffer.concat([preamble, text, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}
