import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import { noise, picture } from '../../../test/images/pictures.ts';

let test: TestApp;
let blue: Buffer;
let url: string;
beforeAll(async () => {
  test = await buildTestApp({ limits: { bodyBytes: 2 ** 20 } });
  blue = await encoded('png', [0, 40, 255]);
  url = `${await test.app.listen({ host: '127.0.0.1', port: 0 })}/v1/predict`;
});
afterAll(() => test.app.close());

const post = (payload: Buffer | string, headers: Record<string, string> = {}, query = '') =>
  test.app.inject({ method: 'POST', url: `/v1/predict${query}`, headers, payload: Buffer.from(payload) });
const last = () => test.inference.requests.at(-1)!;
const labelOf = (reply: { json(): { predictions: { label: string }[] } }) =>
  reply.json().predictions[0]!.label;

describe('an image', () => {
  it.each([
    undefined,
    'image/jpg',
    'image/gif',
    'image/*',
    'image/heic',
    'application/octet-stream',
    'binary/octet-stream',
    'application/x-www-form-urlencoded',
    'application/json',
    'text/plain; charset=utf-8',
    'multipart/form-data',
    'IMAGE/PNG',
    '',
    'undefined',
    'jpeg',
    'image/png, image/jpeg',
  ])('is one as %s', async (type) => {
    const reply = await post(blue, type === undefined ? {} : { 'content-type': type });
    expect([reply.statusCode, labelOf(reply)]).toEqual([200, 'blue']);
    expect(Buffer.compare(last().image, blue)).toBe(0);
  });

  it('is not taken without its line breaks, as curl -d sends it', async () => {
    const noisy = await picture(noise(64 * 64 * 3, 7), 64, 64, 3)
      .jpeg()
      .toBuffer();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post(noisy, headers)).statusCode).toBe(200);
    for (const image of [
      noisy,
      await picture(noise(64 * 64 * 3, 7), 64, 64, 3)
        .png()
        .toBuffer(),
    ]) {
      const reply = await post(
        Buffer.from(image.filter((byte) => ![0x00, 0x0a, 0x0d].includes(byte))),
        headers,
      );
      expect([reply.statusCode, reply.json().detail]).toEqual([
        400,
        'The image has lost all its line breaks on its way; with curl write --data-binary, not -d.',
      ]);
    }
  });

  it.each([
    ['image/png', 'hello', 400, 'invalid_image', 'not a JPEG, PNG, WebP or AVIF file'],
    [undefined, 'hello', 400, 'invalid_image', 'not a JPEG, PNG, WebP or AVIF file'],
    ['text/plain', 'GIF89a...', 400, 'invalid_image', 'a GIF file'],
    ['application/x-www-form-urlencoded', '/9j/4AAQSkZJRg==', 400, 'invalid_image', 'text in base64'],
    [
      'text/plain',
      'hello',
      415,
      'unsupported_media_type',
      'is called text/plain, and its bytes are no image',
    ],
    [
      'application/x-www-form-urlencoded',
      'image=a',
      415,
      'unsupported_media_type',
      'a form with the field "image"',
    ],
    ['multipart/mixed; boundary=x', '--x--', 415, 'unsupported_media_type', 'send the image itself'],
    [
      'application/xml',
      '<a/>',
      415,
      'unsupported_media_type',
      'JSON such as {"image": "<the image in base64>"}',
    ],
    ['nonsense', 'hello', 400, 'invalid_image', 'not a JPEG, PNG, WebP or AVIF file'],
  ])('is not one as %s: %s', async (type, payload, status, code, detail) => {
    const reply = await post(payload, type === undefined ? {} : { 'content-type': type });
    expect([reply.statusCode, reply.json().code]).toEqual([status, code]);
    expect(reply.json().detail).toContain(detail);
  });
});

describe('JSON', () => {
  const base64 = () => blue.toString('base64');

  it.each([
    ['application/json; charset=utf-8'],
    ['application/problem+json'],
    ['text/json'],
    ['text/plain'],
    ['application/octet-stream'],
    ['application/x-www-form-urlencoded'],
    [undefined],
  ])('is JSON as %s', async (type) => {
    const payload = `\n {"image": "${base64()}"}`;
    expect(labelOf(await post(payload, type === undefined ? {} : { 'content-type': type }))).toBe('blue');
  });

  it.each<[string, () => string]>([
    ['a data: URL', () => `data:image/png;base64,${base64()}`],
    ['a data: URL of another type', () => `DATA:;charset=utf-8;BASE64,${base64()}`],
    ['a data: URL with percent signs', () => `data:image/png;base64,${encodeURIComponent(base64())}`],
    ['line breaks', () => base64().replaceAll(/.{20}/g, '$&\\r\\n')],
    ['line breaks as shells leave them', () => base64().replaceAll(/.{20}/g, '$&\n')],
    ['the alphabet of URLs', () => blue.toString('base64url')],
    ['no padding', () => base64().replaceAll('=', '')],
  ])('may hold base64 as %s', async (_, write) => {
    const reply = await post(`{"image": "${write()}"}`, { 'content-type': 'application/json' });
    expect(reply.statusCode).toBe(200);
    expect(Buffer.compare(last().image, blue)).toBe(0);
  });

  it.each([
    ['spaces for "+"', 'aaaa aaaa', 'has spaces in it, where base64 has "+"'],
    ['quotes about it', "b'aaaa'", 'is not base64: at place 2 it has "\'"'],
    ['backslashes', 'aaaa\\\\u', 'is not base64: at place 5 it has "\\\\"'],
    ['more behind its end', 'aaa=#b', 'is not base64: at place 5 it has "#"'],
    ['an end in its midst', 'aa==aaaa', 'is not base64: at place 3 it has "="'],
  ])('may not hold base64 with %s', async (_, text, detail) => {
    const reply = await post(`{"image": "${text}"}`, { 'content-type': 'application/json' });
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'invalid_request']);
    expect(reply.json().detail).toContain(detail);
  });

  it('may have null for what it leaves out', async () => {
    const nothing = { recipe: null, top_k: null, trace: null, timeout_ms: null };
    const one = { image: base64(), images: null, ...nothing };
    const reply = await post(JSON.stringify(one), { 'content-type': 'application/json' });
    expect([reply.statusCode, labelOf(reply)]).toEqual([200, 'blue']);
    expect(Object.keys(last()).sort()).toEqual(['caller', 'image', 'listener', 'signal']);
    const list = { image: null, images: [base64()] };
    const replies = await post(JSON.stringify(list), { 'content-type': 'application/json' });
    expect([replies.statusCode, replies.json().results]).toEqual([200, [expect.anything()]]);
  });

  it('may begin with a byte order mark', async () => {
    expect(
      labelOf(await post(`\uFEFF{"image": "${base64()}"}`, { 'content-type': 'application/json' })),
    ).toBe('blue');
  });
});

describe('what else is asked for', () => {
  const json = (options: object, query?: string) =>
    post(
      JSON.stringify({ image: blue.toString('base64'), ...options }),
      { 'content-type': 'application/json' },
      query,
    );
  const asked = { recipe: 'dent+', topK: 2, timeoutMs: 700 };

  it('may be in JSON', async () => {
    const reply = await json({ recipe: 'dent+', top_k: 2, timeout_ms: 700 });
    expect(reply.json().predictions).toHaveLength(2);
    expect(last()).toMatchObject(asked);
    await json({});
    expect(Object.keys(last()).sort()).toEqual(['caller', 'image', 'listener', 'signal']);
  });

  it('may be in a form', async () => {
    const body = new FormData();
    body.set('image', new Blob([new Uint8Array(blue)], { type: 'image/png' }), 'a.png');
    body.set('recipe', 'dent+');
    body.set('top_k', '2');
    body.set('timeout_ms', '700');
    const reply = await fetch(url, { method: 'POST', body });
    expect(await reply.json()).toMatchObject({ predictions: [{ label: 'blue' }, {}] });
    expect(last()).toMatchObject(asked);
  });

  it('may be in several places that agree', async () => {
    expect((await json({ recipe: 'dent+', top_k: 2 }, '?top_k=2&timeout_ms=700')).statusCode).toBe(200);
    expect(last()).toMatchObject(asked);
    const conflict = await json({ top_k: 2 }, '?top_k=3');
    expect([conflict.statusCode, conflict.json().detail]).toEqual([
      400,
      'The parameter "top_k" is 3 in the query and 2 in the body; say it once.',
    ]);
  });
});

describe('a form', () => {
  const payload = () =>
    Buffer.concat([
      Buffer.from('--xY z\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'),
      blue,
      Buffer.from('\r\n--xY z--\r\n'),
    ]);

  it.each([
    'multipart/form-data',
    'multipart/form-data; charset=utf-8',
    'application/json',
    'text/plain',
    undefined,
  ])('is one as %s, by the boundary that it begins with', async (type) => {
    const reply = await post(payload(), type === undefined ? {} : { 'content-type': type });
    expect([reply.statusCode, labelOf(reply)]).toEqual([200, 'blue']);
  });
});

describe('a field of a form', () => {
  it.each([
    ['without a name', 'filename="a.png"', 'The form has a field ""; it may have "image"'],
    ['with a long name', `name="${'n'.repeat(5000)}"`, `The form has a field "${'n'.repeat(100)}";`],
  ])('%s is refused', async (_, disposition, detail) => {
    const payload = Buffer.from(
      `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\nx\r\n--b--\r\n`,
    );
    const reply = await post(payload, { 'content-type': 'multipart/form-data; boundary=b' });
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'invalid_request']);
    expect(reply.json().detail).toContain(detail);
  });
});

describe('a compressed body', () => {
  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('is read: %s', async (encoding, compress) => {
    const headers = { 'content-encoding': encoding };
    const json = JSON.stringify({ image: blue.toString('base64') });
    for (const [type, payload] of [
      ['image/png', blue],
      ['application/json', Buffer.from(json)],
    ] as const) {
      expect(labelOf(await post(compress(payload), { ...headers, 'content-type': type }))).toBe('blue');
    }
  });

  it.each([
    ['gzip', gzipSync(Buffer.alloc(2 ** 24)), 413, 'The body has more than 1048576 bytes decompressed.'],
    [
      'br',
      brotliCompressSync(Buffer.alloc(2 ** 24)),
      413,
      'The body has more than 1048576 bytes decompressed.',
    ],
    ['gzip', Buffer.from('{"image": "aaaa"}'), 400, 'The body is not gzip data, or cut short.'],
    [
      'zstd',
      Buffer.from('aaaa'),
      415,
      'The content encoding of a request must be gzip, deflate or br; send the body as it is, or compressed by one of them.',
    ],
  ])('is refused with a reason: %s', async (encoding, payload, status, detail) => {
    const reply = await post(payload, { 'content-encoding': encoding, 'content-type': 'application/json' });
    expect([reply.statusCode, reply.json().detail]).toEqual([status, detail]);
  });
});
