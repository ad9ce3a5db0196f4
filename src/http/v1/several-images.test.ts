import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import { ServiceError } from '../../errors.ts';

const COLOURS = { red: [255, 10, 0], green: [0, 255, 40], blue: [0, 40, 255] } as const;

let test: TestApp;
let url: URL;
let pictures: Record<keyof typeof COLOURS, Buffer>;
beforeAll(async () => {
  test = await buildTestApp();
  url = new URL('/v1/predict', await test.app.listen({ host: '127.0.0.1', port: 0 }));
  const [red, green, blue] = await Promise.all(Object.values(COLOURS).map((each) => encoded('png', each)));
  pictures = { red: red!, green: green!, blue: blue! };
});
afterAll(() => test.app.close());

const postJson = (body: object, headers = {}, query = '') =>
  test.app.inject({ method: 'POST', url: `/v1/predict${query}`, headers, payload: body });
const base64 = (...names: (keyof typeof COLOURS)[]) => names.map((name) => pictures[name].toString('base64'));
const file = (name: keyof typeof COLOURS) =>
  new Blob([new Uint8Array(pictures[name])], { type: 'image/png' });

interface Result {
  predictions?: { label: string }[];
  code?: string;
}
const said = (results: readonly Result[]) =>
  results.map(({ predictions: [first] = [], code }) => first?.label ?? code);

describe('several images', () => {
  it('in JSON are answered in order, by one choice', async () => {
    const reply = await postJson({ images: base64('red', 'green', 'blue'), top_k: 1, recipe: 'dent+' });
    expect([reply.statusCode, reply.headers['content-type']]).toEqual([
      200,
      'application/json; charset=utf-8',
    ]);
    expect(said(reply.json().results)).toEqual(['red', 'green', 'blue']);
    for (const each of reply.json().results) expect(each.predictions).toHaveLength(1);
    expect(test.inference.eachRequests.at(-1)).toMatchObject({ topK: 1, recipe: 'dent+', caller: '' });
  });

  it.each(['image', 'images', 'image[]', 'images[]'])('in fields "%s" of a form likewise', async (field) => {
    const body = new FormData();
    for (const name of ['green', 'red'] as const) body.append(field, file(name), `${name}.png`);
    body.append('top_k', '2');
    const reply = await fetch(url, { method: 'POST', body });
    const { results } = (await reply.json()) as { results: { predictions: { label: string }[] }[] };
    expect(said(results)).toEqual(['green', 'red']);
    expect(results[0]!.predictions).toHaveLength(2);
  });

  it('may be one, and are a list all the same', async () => {
    expect(said((await postJson({ images: base64('blue') })).json().results)).toEqual(['blue']);
    const body = new FormData();
    body.append('images', file('red'));
    const { results } = (await (await fetch(url, { method: 'POST', body })).json()) as { results: Result[] };
    expect(said(results)).toEqual(['red']);
    const alone = new FormData();
    alone.append('image', file('red'));
    expect(await (await fetch(url, { method: 'POST', body: alone })).json()).toHaveProperty('predictions');
  });

  it('fail each alone, with a problem in its place', async () => {
    const [red, blue] = base64('red', 'blue');
    test.lines.length = 0;
    test.finished.length = 0;
    const reply = await postJson({ images: [red, 'aGVsbG8', blue, 'AAAA'] });
    expect(reply.statusCode).toBe(200);
    expect(said(reply.json().results)).toEqual(['red', 'invalid_image', 'blue', 'invalid_image']);
    expect(reply.json().results[1]).toEqual({
      type: 'urn:dent-serve:error:invalid_image',
      title: 'Invalid image',
      status: 400,
      detail: 'The image is not a JPEG, PNG, WebP or AVIF file.',
      code: 'invalid_image',
    });
    expect(test.lines).toMatchObject([
      { msg: 'request', status: 200, images: 4, failed: 2, model: 'colours:2', recipe: 'dent+' },
    ]);
    expect(test.finished).toMatchObject([{ code: 200, imageErrors: ['invalid_image', 'invalid_image'] }]);
  });

  it('are answered with problems where none is an image', async () => {
    const reply = await postJson({ images: ['aGVsbG8'] });
    expect([reply.statusCode, said(reply.json().results)]).toEqual([200, ['invalid_image']]);
  });

  it('tell nothing of what went wrong inside', async () => {
    test.lines.length = 0;
    test.inference.failWith = new TypeError('password is hunter2');
    const reply = await postJson({ images: base64('red', 'green') });
    expect(said(reply.json().results)).toEqual(['internal', 'green']);
    expect(reply.body).not.toContain('hunter2');
    expect(test.lines[0]).toMatchObject({ level: 50, err: { message: 'password is hunter2' } });
  });

  it('are refused as a whole where the service has no room for any', async () => {
    test.inference.failWith = new ServiceError('queue_full', 'Full.', { retryAfterSeconds: 3 });
    const reply = await postJson({ images: base64('red') });
    expect([reply.statusCode, reply.json().code, reply.headers['retry-after']]).toEqual([
      429,
      'queue_full',
      '3',
    ]);
  });

  it.each([
    [{ 'idempotency-key': 'a' }, 'The header "Idempotency-Key" is for a request of one image; leave it out'],
    [
      { prefer: 'respond-async' },
      'The header "Prefer: respond-async" is for a request of one image; leave it out',
    ],
  ])('are refused with %j', async (headers, detail) => {
    const reply = await postJson({ images: base64('red') }, headers);
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'invalid_request']);
    expect(reply.json().detail).toContain(detail);
  });

  it('are refused where there are too many', async () => {
    const reply = await postJson({ images: Array(9).fill(base64('red')[0]) });
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'invalid_request']);
  });

  it('take room for uploads until their answer', async () => {
    const small = await buildTestApp({ limits: { uploadBytes: 300_000 } });
    const send = (payload: object) => small.app.inject({ method: 'POST', url: '/v1/predict', payload });
    const padded = Buffer.concat([pictures.red, Buffer.alloc(100_000)]).toString('base64');
    const { predictEach } = small.inference;
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    small.inference.predictEach = async (request) => {
      const outcomes = await predictEach(request);
      await gate;
      return outcomes;
    };
    const first = send({ images: [padded] });
    await vi.waitFor(() => expect(small.inference.eachRequests).toHaveLength(1), 10_000);
    const second = await send({ images: [padded, padded] });
    expect([second.statusCode, second.json().code]).toEqual([429, 'rate_limited']);
    open();
    expect((await first).statusCode).toBe(200);
    expect((await send({ images: [padded, padded] })).statusCode).toBe(200);
    await small.app.close();
  });

  it('are all given up where the client hangs up', async () => {
    const { predictEach } = test.inference;
    const aborted = vi.fn();
    test.inference.predictEach = (request) => {
      request.signal!.addEventListener('abort', aborted);
      return predictEach(request);
    };
    test.inference.delayMs = 60_000;
    const before = test.inference.requests.length;
    const payload = JSON.stringify({ images: base64('red', 'green', 'blue'), timeout_ms: 60_000 });
    const socket = connect(Number(url.port), url.hostname);
    socket.write(
      `POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${payload.length}\r\n\r\n${payload}`,
    );
    try {
      await vi.waitFor(() => expect(test.inference.requests.length).toBe(before + 3), 10_000);
      test.finished.length = 0;
      socket.destroy();
      await vi.waitFor(
        () => expect(test.finished).toMatchObject([{ code: 499, error: 'cancelled' }]),
        10_000,
      );
      expect(aborted).toHaveBeenCalledOnce();
      expect(test.seen.inFlight).toBe(0);
    } finally {
      test.inference.predictEach = predictEach;
      test.inference.delayMs = 0;
    }
  });
});
