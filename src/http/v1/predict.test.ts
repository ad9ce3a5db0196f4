import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import type { PredictRequest } from '../../inference/inference.ts';

let test: TestApp;
let blue: Buffer;
beforeAll(async () => {
  test = await buildTestApp();
  blue = await encoded('png', [0, 40, 255]);
});
afterAll(() => test.app.close());

const post = (url: string, contentType: string, payload: string | Buffer) =>
  test.app.inject({ method: 'POST', url, headers: { 'content-type': contentType }, payload });

const last = () => test.inference.requests.at(-1)!;

/** A form as clients write it on the wire. */
const form = (
  parts: readonly (readonly [disposition: string, content: string | Buffer])[],
  boundary = 'xYzZY',
) =>
  Buffer.concat([
    ...parts.map(([disposition, content]) =>
      Buffer.concat([
        Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
        Buffer.from(content),
        Buffer.from('\r\n'),
      ]),
    ),
    Buffer.from(`--${boundary}--\r\n`),
  ]);

const FORM = 'multipart/form-data; boundary=xYzZY';

describe('the body', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('may be the image itself: %s', async (format) => {
    const reply = await post('/v1/predict', `image/${format}`, await encoded(format, [255, 20, 0]));
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(reply.json()).toMatchObject({
      model: { name: 'colours', version: 2 },
      predictions: [{ class: 0, label: 'red' }, { label: 'green' }, { label: 'blue' }],
      static: { label: 'red' },
      adaptation: { recipe: 'dent+', applied: 'dent+', label_changed: false },
      batch: { size: 1 },
    });
  });

  it('is not held for as long as the prediction takes', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    let image: WeakRef<Uint8Array> | undefined;
    const { predict } = test.inference;
    // A separate function, whose frame holds nothing once it has returned.
    const take = (request: PredictRequest) => {
      image = new WeakRef(request.image);
      request.image = new Uint8Array();
    };
    test.inference.predict = async (request) => {
      take(request);
      await vi.waitFor(() => {
        collect();
        // The image object itself would not do: the error would hold it.
        expect(image!.deref() === undefined).toBe(true);
      });
      return predict({ ...request, image: blue });
    };
    const bytes = Buffer.alloc(100_000);
    const bodies: [string, Buffer | string][] = [
      ['image/png', bytes],
      [FORM, form([['name="image"', bytes]])],
      ['application/json', JSON.stringify({ image: bytes.toString('base64') })],
    ];
    try {
      for (const [type, body] of bodies) {
        expect([type, (await post('/v1/predict', type, body)).statusCode]).toEqual([type, 200]);
        expect(image).toBeDefined();
        image = undefined;
      }
    } finally {
      test.inference.predict = predict;
    }
  });

  it('may be an image under another image type', async () => {
    const reply = await post('/v1/predict', 'image/webp', blue);
    expect(reply.json().predictions[0].label).toBe('blue');
  });

  it('may be JSON with base64', async () => {
    const payload = JSON.stringify({ image: blue.toString('base64') });
    for (const type of ['application/json', 'application/json; charset=utf-8']) {
      const reply = await post('/v1/predict', type, payload);
      expect(reply.statusCode).toBe(200);
      expect(reply.json().predictions[0].label).toBe('blue');
      expect(Buffer.compare(last().image, blue)).toBe(0);
    }
  });

  it.each([
    ['as browsers and curl write it', 'name="image"; filename="a.png"\r\nContent-Type: image/png'],
    ['without a file name', 'name="image"'],
    ['with another type', 'name="image"; filename="a.bin"\r\nContent-Type: text/plain'],
    ['without quotes', 'name=image; filename=a.png'],
    ['with a transfer encoding', 'name="image"; filename="a.png"\r\nContent-Transfer-Encoding: binary'],
  ])('may be a form %s', async (_name, disposition) => {
    const reply = await post('/v1/predict', FORM, form([[disposition, blue]]));
    expect(reply.body).toContain('"label":"blue"');
    expect(Buffer.compare(last().image, blue)).toBe(0);
  });

  it.each([
    ['another field', form([['name="photo"; filename="a"', 'x']]), 'a field "photo"'],
    ['no field', form([]), 'no field "image"'],
    [
      'many parts',
      form(Array.from({ length: 5000 }, () => ['name="image"', 'x'] as const)),
      'more than 4100 fields',
    ],
    [
      'the name of a file for the file',
      form([['name="image"', 'photos/cat 1.JPG']]),
      'with curl write -F image=@photos/cat 1.JPG',
    ],
    [
      'an option twice',
      form([
        ['name="image"', 'x'],
        ['name="top_k"', '1'],
        ['name="top_k"', '2'],
      ]),
      'more than one field "top_k"',
    ],
    [
      'an option that is wrong',
      form([
        ['name="image"', 'x'],
        ['name="top_k"', 'two'],
      ]),
      'The field of the form "top_k" must be a whole number.',
    ],
    [
      'a cut',
      form([['name="image"; filename="a"', 'x'.repeat(500)]]).subarray(0, 300),
      'broken or cut short',
    ],
    ['no content', Buffer.from('-'), 'broken or cut short'],
    ['no content at all', Buffer.alloc(0), 'The request has no body; send'],
  ])('is refused as a form with %s', async (_name, payload, detail) => {
    const reply = await post('/v1/predict', FORM, payload);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ code: 'invalid_request', detail: expect.stringContaining(detail) });
  });
});

describe('the path and the query', () => {
  it('name model, version, recipe, number of classes, trace and deadline', async () => {
    const url = '/v1/models/colours/versions/1/predict?recipe=dent%2B&top_k=2&trace=true&timeout_ms=700';
    const reply = await post(url, 'image/png', blue);
    expect(reply.json()).toMatchObject({ model: { version: 1 }, adaptation: { recipe: 'dent+' } });
    expect(reply.json().predictions).toHaveLength(2);
    expect(reply.json().trace).toMatchObject({
      entropies: [expect.any(Number)],
      top: [reply.json().predictions[0]],
      static: reply.json().predictions,
    });
    expect(last()).toMatchObject({
      model: 'colours',
      version: 1,
      recipe: 'dent+',
      topK: 2,
      trace: true,
      timeoutMs: 700,
      caller: '',
    });
  });

  it('leave out what is not named', async () => {
    expect((await post('/v1/predict', 'image/png', blue)).statusCode).toBe(200);
    expect(Object.keys(last()).sort()).toEqual(['caller', 'image', 'listener', 'signal']);
    expect((await post('/v1/models/colours/predict', 'image/png', blue)).statusCode).toBe(200);
    expect(Object.keys(last()).sort()).toEqual(['caller', 'image', 'listener', 'model', 'signal']);
  });

  it('take a plus for a plus, because recipes are called so', async () => {
    const reply = await post('/v1/predict?recipe=dent+', 'image/png', blue);
    expect(reply.json().adaptation.recipe).toBe('dent+');
  });

  it.each([
    ['topk=3', 'There is no query parameter "topk"; there are "recipe", "top_k", "trace", and "timeout_ms".'],
    [
      'recipe=dent%2B&x=1',
      'There is no query parameter "x"; there are "recipe", "top_k", "trace", and "timeout_ms".',
    ],
    ['trace=maybe', 'The query parameter "trace" must be true or false, in small letters.'],
    ['top_k=0', 'The query parameter "top_k" must be at least 1.'],
    ['top_k=1.5', 'The query parameter "top_k" must be a whole number.'],
    ['top_k=', 'The query parameter "top_k" must be a whole number.'],
    ['top_k=two', 'The query parameter "top_k" must be a whole number.'],
    ['top_k=1&top_k=2', 'The query parameter "top_k" is there more than once; say it once.'],
    ['recipe=static&recipe=static', 'The query parameter "recipe" is there more than once; say it once.'],
    [
      `${'n'.repeat(5000)}=1`,
      `There is no query parameter "${'n'.repeat(100)}"; there are "recipe", "top_k", "trace", and "timeout_ms".`,
    ],
    ['timeout_ms=-5', 'The query parameter "timeout_ms" must be at least 1.'],
    ['recipe=', 'The query parameter "recipe" must not be empty.'],
    [
      '__proto__=1',
      'There is no query parameter "__proto__"; there are "recipe", "top_k", "trace", and "timeout_ms".',
    ],
  ])('are refused with a sentence: %s', async (query, detail) => {
    const reply = await post(`/v1/predict?${query}`, 'image/png', blue);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ code: 'invalid_request', detail });
  });

  it.each([
    ['/v1/models/shapes/predict', 404, 'unknown_model'],
    ['/v1/models/colours/versions/9/predict', 404, 'unknown_model'],
    ['/v1/models/colours/versions/one/predict', 400, 'invalid_request'],
    ['/v1/models/colours/versions/1.0/predict', 400, 'invalid_request'],
    ['/v1/models/colours/versions/-1/predict', 400, 'invalid_request'],
    ['/v1/models/colours/versions/99999999999/predict', 400, 'invalid_request'],
    ['/v1/models//predict', 400, 'invalid_request'],
    [`/v1/models/${'x'.repeat(200)}/predict`, 404, 'not_found'],
    ['/v1/models/%E0%A4%A/predict', 400, 'invalid_request'],
    ['/v1/models/colours/predict?recipe=strong', 400, 'unknown_recipe'],
    ['/v1/predict?top_k=4', 400, 'invalid_request'],
    ['/v1/nothing', 404, 'not_found'],
  ])('%s answers %i %s', async (url, status, code) => {
    const reply = await post(url, 'image/png', blue);
    expect([reply.statusCode, reply.json().code]).toEqual([status, code]);
    expect(reply.json().status).toBe(status);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.headers['x-request-id']).toBeTruthy();
  });
});
