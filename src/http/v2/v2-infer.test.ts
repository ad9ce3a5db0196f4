import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/http/build-test-app.ts';
import { ServiceError } from '../../errors.ts';

const URL_ = '/v2/models/colours/infer';
const LENGTH = 'inference-header-content-length';
const BODY_LIMIT = 2 ** 16;
/** Numbers of a row. */
const ROW = 3 * 4 * 4;

let test: TestApp;
beforeAll(async () => {
  test = await buildTestApp({ limits: { bodyBytes: BODY_LIMIT } });
});
afterEach(() => {
  test.seen.phase = 'serving';
});
afterAll(() => test.app.close());

const post = (payload: Buffer | string, headers: Record<string, string> = {}, url = URL_) =>
  test.app.inject({ method: 'POST', url, headers, payload: Buffer.from(payload) });

const json = (request: object, headers: Record<string, string> = {}, url = URL_) =>
  post(JSON.stringify(request), { 'content-type': 'application/json', ...headers }, url);

/** JSON and the tensors behind it. */
const binary = (request: object, tensor: Uint8Array, headers: Record<string, string> = {}) => {
  const head = Buffer.from(JSON.stringify(request));
  return post(Buffer.concat([head, tensor]), { [LENGTH]: `${head.length}`, ...headers });
};

/** Red 1, green 2 and blue 3 in the first row, and so on: channel sums 16, 32, 48 in the first row. */
const values = (rows: number) => Array.from({ length: rows * ROW }, (_, i) => 1 + Math.floor(i / 16));
const sums = (rows: number) => Array.from({ length: rows * 3 }, (_, plane) => 16 * (1 + plane));
const input = (rows: number, more: object = { data: values(rows) }) => ({
  name: 'pixels',
  shape: [rows, 3, 4, 4],
  datatype: 'FP32',
  ...more,
});
const floats = (rows: number) => Buffer.from(Float32Array.from(values(rows)).buffer);
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
    const reply = await json({ inputs: [input(2, { data: nested })], outputs: [{ name: 'scores' }] });
    expect(reply.json().outputs).toEqual([
      { name: 'scores', datatype: 'FP32', shape: [2, 3], data: sums(2) },
    ]);
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

describe('a request that is wrong is refused with a sentence', () => {
  const one = input(1);
  it.each<[string, object]>([
    ['The request lacks "inputs".', {}],
    ['The request is no JSON object.', []],
    ['The request lacks "inputs.0.shape".', { inputs: [{ name: 'pixels', datatype: 'FP32', data: [] }] }],
    ['The member "inputs.0.shape.0" of the request must be integer.', { inputs: [{ ...one, shape: ['1'] }] }],
    ["expected 1 inputs but got 0 inputs for model 'colours'", { inputs: [] }],
    ["expected 1 inputs but got 2 inputs for model 'colours'", { inputs: [one, one] }],
    [
      "unexpected inference input 'x' for model 'colours'; its input is 'pixels'",
      { inputs: [{ ...one, name: 'x' }] },
    ],
    ...['FP16', 'FP64', 'INT8', 'BOOL', 'BYTES', 'toString'].map((datatype): [string, object] => [
      `inference input 'pixels' data-type is '${datatype}', but model 'colours' expects 'FP32', or 'UINT8' for pixels`,
      { inputs: [{ ...one, datatype }] },
    ]),
    [
      "unexpected shape for input 'pixels' for model 'colours'. Expected [-1,3,4,4], got [3,4,4]",
      { inputs: [{ ...one, shape: [3, 4, 4] }] },
    ],
    [
      "unexpected shape for input 'pixels' for model 'colours'. Expected [-1,3,4,4], got [1,3,4,5]",
      { inputs: [{ ...one, shape: [1, 3, 4, 5] }] },
    ],
    ...[0, 9, 1e15].map((count): [string, object] => [
      `inference request batch-size must be from 1 to 8 for 'colours', not ${count}`,
      { inputs: [{ ...one, shape: [count, 3, 4, 4] }] },
    ]),
    [
      'The input "pixels" has 47 numbers; its shape [1,3,4,4] needs 48.',
      { inputs: [{ ...one, data: values(1).slice(1) }] },
    ],
    [
      'The input "pixels" must have either data or the parameter "binary_data_size".',
      { inputs: [{ ...one, data: undefined }] },
    ],
    [
      'The input "pixels" must have either data or the parameter "binary_data_size".',
      { inputs: [{ ...one, parameters: { binary_data_size: 192 } }] },
    ],
    [
      'The member "inputs.0.parameters.binary_data_size" of the request must be >= 0.',
      { inputs: [{ ...one, data: undefined, parameters: { binary_data_size: -4 } }] },
    ],
    ['Shared memory is not supported.', { inputs: [{ ...one, parameters: { shared_memory_region: 'r' } }] }],
    ['The data of the input "pixels" is no array.', { inputs: [{ ...one, data: 'AAAA' }] }],
    [
      'The data of the input "pixels" holds at place 1 what is no number.',
      { inputs: [{ ...one, data: values(1).with(1, null as never) }] },
    ],
    [
      'The data of the input "pixels" holds at place 0 what is no number.',
      { inputs: [{ ...one, data: [[[[[1]]]], ...values(1).slice(1)] }] },
    ],
    [
      'The data of the input "pixels" holds at place 2 what is no whole number from 0 to 255.',
      { inputs: [{ ...one, datatype: 'UINT8', data: values(1).with(2, 256) }] },
    ],
    [
      "unexpected inference output 'logits' for model 'colours'",
      { inputs: [one], outputs: [{ name: 'logits' }] },
    ],
    [
      'The request names an output twice.',
      { inputs: [one], outputs: [{ name: 'scores' }, { name: 'scores' }] },
    ],
    [
      'The output "entropy" has no classes.',
      { inputs: [one], outputs: [{ name: 'entropy', parameters: { classification: 1 } }] },
    ],
    [
      'The member "outputs.0.parameters.classification" of the request must be integer.',
      { inputs: [one], outputs: [{ name: 'scores', parameters: { classification: 'all' } }] },
    ],
    [
      'The member "outputs.0.parameters.binary_data" of the request must be boolean.',
      { inputs: [one], outputs: [{ name: 'scores', parameters: { binary_data: 1 } }] },
    ],
    [
      'The member "parameters.binary_data_output" of the request must be boolean.',
      { inputs: [one], parameters: { binary_data_output: 'yes' } },
    ],
    [
      'The member "parameters.priority" of the request must be <= 3.',
      { inputs: [one], parameters: { priority: 4 } },
    ],
    [
      'The member "parameters.timeout" of the request must be >= 0.',
      { inputs: [one], parameters: { timeout: -1 } },
    ],
    [
      'The member "parameters.recipe" of the request must be string.',
      { inputs: [one], parameters: { recipe: 1 } },
    ],
    [
      'The member "inputs.0.name" of the request must not have more than 256 characters.',
      { inputs: [{ ...one, name: 'x'.repeat(257) }] },
    ],
    [
      `The member "parameters.${'x'.repeat(88)}" of the request must be either string or number or boolean.`,
      { inputs: [one], parameters: { ['x'.repeat(10_000)]: null } },
    ],
    [
      "Parameters whose names begin with 'triton_' are reserved.",
      { inputs: [one], parameters: { triton_x: 1 } },
    ],
    [
      'The member "parameters.x" of the request must be either string or number or boolean.',
      { inputs: [one], parameters: { x: null } },
    ],
  ])('%s', async (error, request) => {
    const calls = test.inference.rowsRequests.length;
    const reply = await json(request);
    expect([reply.statusCode, reply.json()]).toEqual([400, { error }]);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(test.inference.rowsRequests).toHaveLength(calls);
  });

  it.each([
    ['', 'The request is not valid JSON.'],
    ['{', 'The request is not valid JSON.'],
    ['['.repeat(60_000), 'The request is not valid JSON.'],
    ['null', 'The request is no JSON object.'],
  ])('%.10j is no request', async (payload, error) => {
    const reply = await post(payload, { 'content-type': 'application/json' });
    expect([reply.statusCode, reply.json()]).toEqual([400, { error }]);
  });

  it.each([
    [404, 'The model "colours" has no version 9.', () => json({}, {}, '/v2/models/colours/versions/9/infer')],
    [404, 'There is no model "none"; the models are colours.', () => json({}, {}, '/v2/models/none/infer')],
    [503, 'Version 3 could not be loaded.', () => json({}, {}, '/v2/models/colours/versions/3/infer')],
    [405, 'GET is not allowed here; allowed: POST.', () => test.app.inject(URL_)],
    [413, `The body has more than ${BODY_LIMIT} bytes.`, () => post(Buffer.alloc(BODY_LIMIT + 1))],
    [
      415,
      'Send the request as application/json, or as application/octet-stream where it holds binary tensors.',
      () => post('x', { 'content-type': 'image/png' }),
    ],
  ] as const)('%i %s', async (status, error, send) => {
    const reply = await send();
    expect([reply.statusCode, reply.json()]).toEqual([status, { error }]);
  });
});

describe('what the use case refuses', () => {
  it.each([
    ['queue_full', 429, '3'],
    ['not_ready', 503, '3'],
    ['queue_unavailable', 503, '3'],
    ['timeout', 504, undefined],
    ['unknown_recipe', 400, undefined],
  ] as const)('as %s is answered with %i', async (code, status, retryAfter) => {
    test.inference.failWith = new ServiceError(code, 'What happened.', { retryAfterSeconds: 3 });
    const reply = await json({ inputs: [input(1)] });
    expect([reply.statusCode, reply.json()]).toEqual([status, { error: 'What happened.' }]);
    expect(reply.headers['retry-after']).toBe(retryAfter);
  });

  it('by a bug is told to nobody', async () => {
    test.inference.failWith = new TypeError('password is hunter2');
    const reply = await json({ inputs: [input(1)] });
    expect(reply.statusCode).toBe(500);
    expect(reply.json()).toEqual({
      error: 'Something went wrong inside the service; its log has the request id.',
    });
  });

  it('while the service ends is refused before the body is read', async () => {
    test.seen.phase = 'draining';
    expect((await json({ inputs: [input(1)] })).statusCode).toBe(200);
    test.seen.phase = 'refusing';
    const reply = await json({ inputs: [input(1)] });
    expect([reply.statusCode, reply.json()]).toEqual([503, { error: 'The service is shutting down.' }]);
  });
});

it.each(['/v2/models/colours/stats', '/v2/models/colours/versions/2/stats'])(
  'tells what was counted in the words of load generators at %s',
  async (url) => {
    const none = { count: 0, ns: 0 };
    expect((await test.app.inject(url)).json()).toEqual({
      model_stats: [
        {
          name: 'colours',
          version: '2',
          last_inference: 7,
          inference_count: 5,
          execution_count: 2,
          inference_stats: {
            success: { count: 1, ns: 10 },
            fail: { count: 2, ns: 20 },
            queue: { count: 3, ns: 30 },
            compute_input: { count: 4, ns: 40 },
            compute_infer: { count: 5, ns: 50 },
            compute_output: { count: 6, ns: 60 },
            cache_hit: none,
            cache_miss: none,
          },
          batch_stats: [
            { batch_size: 3, compute_input: none, compute_infer: { count: 2, ns: 80 }, compute_output: none },
          ],
        },
      ],
    });
  },
);

it('tells of every version that is ready at /v2/models/stats', async () => {
  const { model_stats: all } = (await test.app.inject('/v2/models/stats')).json();
  expect(all.map(({ version }: { version: string }) => version)).toEqual(['1', '2']);
});
