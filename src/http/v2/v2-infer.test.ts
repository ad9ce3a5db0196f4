import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { floats, input, openTensorApp, ROW, sums, values } from '../../../test/http/tensor-app.ts';

const LENGTH = 'inference-header-content-length';
const { test, post, json, binary } = await openTensorApp();
afterAll(() => test.app.close());
const readFloats = (bytes: Buffer) => [...new Float32Array(Uint8Array.from(bytes).buffer)];
const seen = () => test.inference.rowsRequests.at(-1)!;

/** An answer in its two parts. */
function split(reply: Awaited<ReturnType<typeof post>>) {
  const length = Number(reply.headers[LENGTH]);
  return {
    head: JSON.parse(reply.rawPayload.subarray(0, length).toString()),
    tensors: reply.rawPayload.subarray(length),
  };
}

describe('JSON', () => {
  it('is answered in JSON, with all outputs where none is named', async () => {
    const reply = await json({ id: 'mine', inputs: [input(2)] });
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.headers).not.toHaveProperty(LENGTH);
    expect(reply.json()).toEqual({
      model_name: 'colours',
      model_version: '2',
      id: 'mine',
      parameters: {
        recipe: 'dent+',
        applied: 'dent+',
        steps: 1,
        entropy_before: 0.75,
        entropy_after: 0.5,
        label_changes: 0,
        batch_id: expect.any(String),
        batch_size: 2,
        queue_ms: 0.5,
        adapt_ms: 1.25,
      },
      outputs: [
        { name: 'scores', datatype: 'FP32', shape: [2, 3], data: sums(2) },
        { name: 'static_logits', datatype: 'FP32', shape: [2, 3], data: sums(2).map((sum) => -sum) },
        { name: 'entropy', datatype: 'FP32', shape: [2, 2], data: [0.5, 0.5, 0.5, 0.5] },
      ],
    });
  });

  it('may nest its numbers or not', async () => {
    const flat = values(2);
    const nested = [0, 1].map((n) =>
      [0, 1, 2].map((c) =>
        [0, 1, 2, 3].map((h) => [0, 1, 2, 3].map((w) => flat[n * ROW + c * 16 + h * 4 + w])),
      ),
    );
    // A list for each row is as clear.
    const byRows = [flat.slice(0, ROW), flat.slice(ROW)];
    for (const data of [nested, byRows]) {
      const reply = await json({ inputs: [input(2, { data })], outputs: [{ name: 'scores' }] });
      expect(reply.json().outputs).toEqual([
        { name: 'scores', datatype: 'FP32', shape: [2, 3], data: sums(2) },
      ]);
    }
  });

  it('names each answer, by a new id where the request has none', async () => {
    for (const request of [{ inputs: [input(1)] }, { id: '', inputs: [input(1)] }]) {
      expect((await json(request)).json().id).toMatch(/^[\da-f-]{36}$/);
    }
  });

  it('takes pixels as UINT8', async () => {
    const reply = await json({ inputs: [input(1, { datatype: 'UINT8', data: values(1) })] });
    expect(reply.statusCode).toBe(200);
    expect(seen().images).toEqual({
      type: 'uint8',
      dims: [1, 3, 4, 4],
      data: Uint8Array.from(values(1)),
    });
  });

  it('passes over what nobody knows, and hands on what the use case knows', async () => {
    const parameters = { recipe: 'dent+', priority: 1, timeout: 2_000_001, anything: true };
    expect((await json({ extra: [1], parameters, inputs: [input(1)], outputs: [] })).statusCode).toBe(200);
    expect(seen()).toMatchObject({
      model: 'colours',
      version: 2,
      recipe: 'dent+',
      priority: 1,
      timeoutMs: 2001,
      caller: '',
    });
    await json({ parameters: { priority: 0, timeout: 0 }, inputs: [input(1)] });
    expect(Object.keys(seen())).not.toEqual(expect.arrayContaining(['priority']));
    expect(Object.keys(seen())).not.toEqual(expect.arrayContaining(['timeoutMs']));
  });

  it('writes null for what JSON has no number for', async () => {
    const reply = await json({ inputs: [input(1, { data: values(1).map(() => 3e38) })] });
    expect(reply.json().outputs[0].data).toEqual([null, null, null]);
  });

  it.each([
    ['/v2/models/colours/infer/', '2'],
    ['/v2/models/colours/versions/1/infer', '1'],
  ])('is taken at %s', async (url, version) => {
    const reply = await json({ inputs: [input(1)] }, {}, url);
    expect([reply.statusCode, reply.json().model_version]).toEqual([200, version]);
  });
});

describe('binary tensors', () => {
  const size = (rows: number) => ({ parameters: { binary_data_size: rows * ROW * 4 } });

  it('are what the request of a tritonclient holds, byte for byte', async () => {
    const head =
      '{"inputs":[{"name":"pixels","shape":[1,3,4,4],"datatype":"FP32","parameters":{"binary_data_size":192}}],' +
      '"parameters":{"binary_data_output":true}}';
    const payload = Buffer.concat([Buffer.from(head), floats(1)]);
    // This client sends no content type.
    const reply = await post(payload, {
      'user-agent': 'python-geventhttpclient-2.3.1',
      [LENGTH]: `${head.length}`,
    });
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toBe('application/octet-stream');
    const { head: answer, tensors } = split(reply);
    expect(answer.outputs).toEqual([
      { name: 'scores', datatype: 'FP32', shape: [1, 3], parameters: { binary_data_size: 12 } },
      { name: 'static_logits', datatype: 'FP32', shape: [1, 3], parameters: { binary_data_size: 12 } },
      { name: 'entropy', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } },
    ]);
    expect(readFloats(tensors)).toEqual([16, 32, 48, -16, -32, -48, 0.5, 0.5]);
  });

  it.each([
    'application/octet-stream',
    'application/json; charset=utf-8',
    'application/x-www-form-urlencoded',
  ])('are read from %s', async (type) => {
    const reply = await binary({ inputs: [input(2, size(2))] }, floats(2), { 'content-type': type });
    // Binary for the input only: no output is requested in binary.
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.json().outputs[0].data).toEqual(sums(2));
  });

  it('are read wherever they begin', async () => {
    for (const id of ['a', 'aa', 'aaa', 'aaaa']) {
      const reply = await binary({ id, inputs: [input(2, size(2))] }, floats(2));
      expect(reply.json().outputs[0].data).toEqual(sums(2));
    }
  });

  it('may answer JSON, and each output as it says itself', async () => {
    const reply = await json({
      parameters: { binary_data_output: true },
      inputs: [input(1)],
      outputs: [
        { name: 'entropy' },
        { name: 'scores', parameters: { binary_data: false } },
        { name: 'static_logits', parameters: { binary_data: true } },
      ],
    });
    const { head, tensors } = split(reply);
    expect(head.outputs).toMatchObject([
      { name: 'entropy', parameters: { binary_data_size: 8 } },
      { name: 'scores', data: [16, 32, 48] },
      { name: 'static_logits', parameters: { binary_data_size: 12 } },
    ]);
    expect(readFloats(tensors)).toEqual([0.5, 0.5, -16, -32, -48]);
  });

  it('carry pixels', async () => {
    const pixels = Uint8Array.from(values(1));
    const reply = await binary(
      { inputs: [input(1, { datatype: 'UINT8', parameters: { binary_data_size: ROW } })] },
      pixels,
    );
    expect(reply.json().outputs[0].data).toEqual([16, 32, 48]);
    expect(seen().images).toMatchObject({ type: 'uint8' });
  });

  it('are the whole body in raw mode', async () => {
    const reply = await post(floats(1), { [LENGTH]: '0' });
    const { head, tensors } = split(reply);
    expect(head.outputs).toHaveLength(3);
    expect(readFloats(tensors).slice(0, 3)).toEqual([16, 32, 48]);
    const short = await post(floats(1).subarray(1), { [LENGTH]: '0' });
    expect([short.statusCode, short.json()]).toEqual([
      400,
      {
        error:
          'A request whose header has the length 0 is one image of FP32 [1,3,4,4], 192 bytes; it has 191.',
      },
    ]);
  });

  it.each([
    ['-1', 'inference header size should be in range (0, 322), got: -1'],
    ['7.5', 'inference header size should be in range (0, 322), got: 7.5'],
    ['323', 'inference header size should be in range (0, 322), got: 323'],
    ['', 'inference header size should be in range (0, 322), got: '],
    ['12', 'The request is not valid JSON.'],
  ])('are refused behind a header of the length %j', async (length, error) => {
    const head = JSON.stringify({ inputs: [input(1, size(1))] }).padEnd(130);
    const reply = await post(Buffer.concat([Buffer.from(head), floats(1)]), { [LENGTH]: length });
    expect([reply.statusCode, reply.json()]).toEqual([400, { error }]);
  });

  it('are refused where there are too few or too many bytes', async () => {
    const request = { inputs: [input(1, size(1))] };
    const short = await binary(request, floats(1).subarray(4));
    expect(short.json().error).toBe(
      "unexpected size for input 'pixels', expecting 4 additional bytes for model 'colours'",
    );
    const long = await binary(request, Buffer.concat([floats(1), Buffer.alloc(1)]));
    expect(long.json().error).toBe("unexpected additional input data for model 'colours'");
    const other = await binary({ inputs: [input(1, size(2))] }, floats(2));
    expect(other.json().error).toBe(
      'The input "pixels" has 384 bytes; its shape [1,3,4,4] of FP32 needs 192.',
    );
    for (const reply of [short, long, other]) expect(reply.statusCode).toBe(400);
  });
});

describe('classification', () => {
  const outputs = (parameters: object) => [
    { name: 'scores', parameters: { classification: 2, ...parameters } },
  ];

  it('answers texts in JSON', async () => {
    const reply = await json({ inputs: [input(2)], outputs: outputs({}) });
    expect(reply.json().outputs).toEqual([
      {
        name: 'scores',
        datatype: 'BYTES',
        shape: [2, 2],
        data: ['48.000000:2:blue', '32.000000:1:green', '96.000000:2:blue', '80.000000:1:green'],
      },
    ]);
  });

  it('answers each text behind its length in binary', async () => {
    const reply = await json({ inputs: [input(1)], outputs: outputs({ binary_data: true }) });
    const { head, tensors } = split(reply);
    expect(head.outputs[0].parameters).toEqual({ binary_data_size: tensors.length });
    const expected = ['48.000000:2:blue', '32.000000:1:green'].map((text) =>
      Buffer.concat([Buffer.from([text.length, 0, 0, 0]), Buffer.from(text)]),
    );
    expect(tensors).toEqual(Buffer.concat(expected));
  });

  it('gives all classes where more are asked for', async () => {
    const reply = await json({ inputs: [input(1)], outputs: outputs({ classification: 99 }) });
    expect(reply.json().outputs[0].shape).toEqual([1, 3]);
  });
});

describe('compressed bodies', () => {
  const request = Buffer.from(JSON.stringify({ inputs: [input(3)] }));

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['X-GZIP', gzipSync],
  ] as const)('of %s are read', async (encoding, compress) => {
    const reply = await post(compress(request), { 'content-encoding': encoding });
    expect(reply.json().outputs[0].data).toEqual(sums(3));
    expect(reply.headers).not.toHaveProperty('content-encoding');
  });

  it('count their header in what comes out of them', async () => {
    const head = JSON.stringify({ inputs: [input(1, { parameters: { binary_data_size: 192 } })] });
    const payload = gzipSync(Buffer.concat([Buffer.from(head), floats(1)]));
    const reply = await post(payload, { 'content-encoding': 'gzip', [LENGTH]: `${head.length}` });
    expect(reply.json().outputs[0].data).toEqual([16, 32, 48]);
  });

  it.each([
    ['gzip', gzipSync(Buffer.alloc(50 * 2 ** 20)), 413, 'The body has more than 65536 bytes decompressed.'],
    ['deflate', deflateRawSync(request), 400, 'The body is not deflate data, or cut short.'],
    ['gzip', gzipSync(request).subarray(0, 40), 400, 'The body is not gzip data, or cut short.'],
    ['br', request, 400, 'The body is not br data, or cut short.'],
    ['zstd', request, 415, expect.stringContaining('must be gzip, deflate or br')],
  ])('of %s that are wrong are refused', async (encoding, payload, status, error) => {
    const reply = await post(payload, { 'content-encoding': encoding });
    expect([reply.statusCode, reply.json()]).toEqual([status, { error }]);
  });
});
