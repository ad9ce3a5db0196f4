import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { BODY_LIMIT, input, openTensorApp, values } from '../../../test/http/tensor-app.ts';
import { ServiceError } from '../../errors.ts';

const URL_ = '/v2/models/colours/infer';
const { test, post, json } = await openTensorApp();
afterAll(() => test.app.close());
afterEach(() => {
  test.seen.phase = 'serving';
});

/** Numbers nested in lists of these sizes. */
const nested = ([size = 0, ...inner]: readonly number[]): unknown[] =>
  Array.from({ length: size }, () => (inner.length === 0 ? 0.5 : nested(inner)));

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
    ...(
      [
        ['1,4,4,3', nested([1, 4, 4, 3])],
        ['1,3,16', [[...nested([2, 16]), nested([15])]]],
        ['1,1,48', [nested([1, 48])]],
        ['1,3,4,4,1', nested([1, 3, 4, 4, 1])],
        ['1,3,4,4', [[...nested([2, 4, 4]), [0.5]]]],
        ['1,48', [[...nested([47]), [0.5]]]],
      ] as const
    ).map(([sizes, data]): [string, object] => [
      `The data of the input "pixels" must be flat, or nested as its shape [1,3,4,4]; it begins as [${sizes}].`,
      { inputs: [{ ...one, data }] },
    ]),
    [
      'The input "pixels" must have either data or the parameter "binary_data_size".',
      { inputs: [{ ...one, data: undefined }] },
    ],
    [
      'The input "pixels" must have either data or the parameter "binary_data_size".',
      { inputs: [{ ...one, parameters: { binary_data_size: 192 } }] },
    ],
    [
      'The member "inputs.0.parameters.binary_data_size" of the request must be at least 0.',
      { inputs: [{ ...one, data: undefined, parameters: { binary_data_size: -4 } }] },
    ],
    ['Shared memory is not supported.', { inputs: [{ ...one, parameters: { shared_memory_region: 'r' } }] }],
    ['The data of the input "pixels" is no array.', { inputs: [{ ...one, data: 'AAAA' }] }],
    [
      'The data of the input "pixels" holds at place 1 what is no number.',
      { inputs: [{ ...one, data: values(1).with(1, null as never) }] },
    ],
    [
      'The data of the input "pixels" must be flat, or nested as its shape [1,3,4,4]; it begins as [48,1,1,1,1].',
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
      'The member "parameters.priority" of the request must be at most 3.',
      { inputs: [one], parameters: { priority: 4 } },
    ],
    [
      'The member "parameters.timeout" of the request must be at least 0.',
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
    ...['recipe', 'priority', 'timeout'].map((name): [string, object] => [
      `Write "${name}" into "parameters" of the JSON: it is a parameter, and passed over elsewhere.`,
      { inputs: [one], [name]: 'x' },
    ]),
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
    [
      400,
      'Write "recipe" into "parameters" of the JSON: it is a parameter, and passed over elsewhere.',
      () => json({ inputs: [one] }, {}, `${URL_}?recipe=static`),
    ],
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
