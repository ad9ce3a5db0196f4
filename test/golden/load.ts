import { readdirSync, readFileSync } from 'node:fs';
import { elementCount, float32, type Tensor } from '../../src/tensor.ts';

export interface GoldenCase {
  /** The options of the recipe. */
  readonly recipe: Readonly<Record<string, unknown>>;
  /** The largest allowed difference of a number, for each row [N]. */
  readonly tolerance: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly entropy: readonly (readonly number[])[];
  readonly sigma?: readonly number[];
  /** Of statistics auto: 1 for the blend, or 0. */
  readonly blended?: number;
  readonly divergence?: number;
}

export interface Golden {
  readonly name: string;
  readonly model: Uint8Array;
  readonly input: Tensor<'float32'>;
  readonly cases: Readonly<Record<string, GoldenCase>>;
}

/** The folders beside this file that hold cases. */
export function goldenNames(): string[] {
  const entries = readdirSync(new URL('.', import.meta.url), { recursive: true, encoding: 'utf8' });
  return entries.filter((path) => /^[^/]+\/cases\.json$/.test(path)).map((path) => path.split('/')[0]!);
}

export function loadGolden(name: string): Golden {
  const folder = new URL(`${name}/`, import.meta.url);
  const { model, cases } = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8'));
  return {
    name,
    model: readFileSync(new URL(model, folder)),
    input: readNpy(readFileSync(new URL('input.npy', folder))),
    cases,
  };
}

/**
 * A float32 array in NumPy's format, version 1: magic, header length, a header in Python's notation, the
 * numbers.
 */
function readNpy(bytes: Buffer): Tensor<'float32'> {
  const end = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, end);
  const dims = /'descr': '<f4', 'fortran_order': False, 'shape': \(([\d, ]+)\)/.exec(header)?.[1];
  if (dims === undefined) throw new Error(`Not a float32 array: ${header}`);
  const shape = dims.split(',').map(Number);
  const data = new Float32Array(new Uint8Array(bytes.subarray(end)).buffer);
  return float32(shape, data.subarray(0, elementCount(shape)));
}
