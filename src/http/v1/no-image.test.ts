import { afterAll, describe, expect, it } from 'vitest';
import { buildTestApp } from '../../../test/http/build-test-app.ts';

const { app } = await buildTestApp();
afterAll(() => app.close());

const post = (url: string, contentType: string, payload: string | Buffer) =>
  app.inject({ method: 'POST', url, headers: { 'content-type': contentType }, payload });

describe('a body that holds no image', () => {
  it('is refused as a form without a boundary', async () => {
    const reply = await post('/v1/predict', 'multipart/form-data', 'image=x');
    expect(reply.json()).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining('boundary'),
    });
  });

  it.each([
    ['{"image": 5}', '"image"'],
    ['{"image": null}', '"image"'],
    ['{"image": ["aaaa"]}', 'send several as "images"'],
    ['{"image": "a"}', '"image"'],
    ['{"image": "aaaaa"}', 'cut short'],
    ['{"image": "aaa="}', undefined],
    ['{"image": "a-_a"}', undefined],
    ['{"image": ""}', '"image" must not be empty'],
    ['{"image": "aaaa\\u00e9aaa"}', '"image" is not base64: at place 5 it has "é".'],
    ['{"image": "data:image/png;base64,aaaa"}', undefined],
    ['{"image": "data:image/svg+xml,%3Csvg/%3E"}', 'a data: URL without base64'],
    ['{"image": "data:image/png;base64"}', 'a data: URL without base64'],
    ['{"image": "data:;base64,aaa%"}', 'a data: URL that is broken'],
    ['{"image": "https://example.com/cat.jpg"}', 'nothing is fetched from there'],
    ['{"image": "aaaa", "model": "x"}', 'no property of the body "model"'],
    ['{"image": "aaaa", "images": ["aaaa"]}', 'both "image" and "images"'],
    ['{"images": []}', '"images" must not be empty'],
    [JSON.stringify({ images: Array(4097).fill('a') }), '"images" must NOT have more than 4096 items'],
    ['{"images": "aaaa"}', '"images" must be a list'],
    ['{"images": ["aaaa", "?"]}', '"images[1]" is not base64'],
    ['{"images": [{}]}', '"images[0]" must be text'],
    ['{"image": "aaaa", "top_k": 0}', '"top_k" must be at least 1'],
    ['{"image": "aaaa", "timeout_ms": 0}', '"timeout_ms" must be at least 1'],
    ['{}', '"image" is missing; send the image itself'],
    ['[]', 'body'],
    ['null', 'body'],
    ['"aaaa"', 'body'],
    ['{"image": ', 'not valid JSON; send the image itself'],
    ['', 'The request has no body; send the image itself'],
    ['{"__proto__": {"a": 1}, "image": "aaaa"}', '"__proto__"'],
  ])('is refused as JSON: %s', async (payload, detail) => {
    const reply = await post('/v1/predict', 'application/json', payload);
    expect(reply.statusCode).toBe(400);
    if (detail !== undefined) {
      expect(reply.json()).toMatchObject({
        code: 'invalid_request',
        detail: expect.stringContaining(detail),
      });
    } else expect(reply.json().code).toBe('invalid_image');
  });

  it('is asked for where there is none', async () => {
    const detail =
      'The request has no body; send the image itself, a form with the field "image", or JSON such as {"image": "<the image in base64>"}.';
    const reply = await app.inject({ method: 'POST', url: '/v1/predict' });
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ code: 'invalid_request', detail });
    expect((await post('/v1/predict', 'image/png', '')).json()).toMatchObject({
      code: 'invalid_request',
      detail,
    });
  });

  it('is refused where it is no image, with the reason', async () => {
    const reply = await post('/v1/predict', 'image/png', Buffer.from('hello'));
    expect(reply.statusCode).toBe(400);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.json()).toEqual({
      type: 'urn:dent-serve:error:invalid_image',
      title: 'Invalid image',
      status: 400,
      detail: 'The image is not a JPEG, PNG, WebP or AVIF file.',
      code: 'invalid_image',
    });
  });
});
