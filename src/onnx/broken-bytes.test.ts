import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { decodeModel, encodeModel } from './index.ts';

describe('bytes that are no model', () => {
  const model = new Uint8Array(
    readFileSync(new URL('../../test/fixtures/engine/rows.onnx', import.meta.url)),
  );

  /** Reads and writes `bytes`. Whatever they hold, the reader throws no other error than an InputError. */
  function outcome(bytes: Uint8Array): 'read' | 'refused' {
    try {
      encodeModel(decodeModel(bytes));
      return 'read';
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return 'refused';
    }
  }

  /** Bytes without a pattern, the same ones every time. */
  function noise(length: number, seed: number): Uint8Array {
    let state = seed;
    return Uint8Array.from({ length }, () => {
      state = (state * 48_271) % 2_147_483_647;
      return state % 256;
    });
  }

  it.each([
    ['nothing', new Uint8Array(0), 'it holds no graph'],
    ['text', new TextEncoder().encode('<html>no model here</html>'), 'its bytes do not parse'],
  ])('are refused: %s', (_what, bytes, message) => {
    expect(() => decodeModel(bytes)).toThrow(`This is not an ONNX model: ${message}`);
  });

  it('are refused wherever the file was cut off', () => {
    const lengths = Array.from(model, (_, length) => length);
    const readable = lengths.filter((length) => outcome(model.subarray(0, length)) === 'read');
    // Behind the graph come only the operator sets: no shorter file is a model.
    expect(readable).toEqual([]);
  });

  it('are refused where they are random', () => {
    for (let seed = 1; seed <= 500; seed++) expect(outcome(noise(seed, seed))).toBe('refused');
  });

  it('are read or refused, never worse, where single bytes are broken', () => {
    const places = noise(3000, 7);
    let refused = 0;
    for (let i = 0; i + 2 < places.length; i += 3) {
      const broken = model.slice();
      const at = (places[i]! * 256 + places[i + 1]!) % model.length;
      broken[at] = places[i + 2]!;
      if (outcome(broken) === 'refused') refused += 1;
    }
    expect(refused).toBeGreaterThan(100);
  });
});
