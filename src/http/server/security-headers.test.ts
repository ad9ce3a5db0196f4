import { afterAll, describe, expect, it } from 'vitest';
import { buildTestApp, callsTo, encoded } from '../../../test/http/build-test-app.ts';

const test = await buildTestApp();
afterAll(() => test.app.close());
const { get, predict } = callsTo(test, await encoded('png', [0, 255, 40]));

describe('security headers', () => {
  it('let nothing be loaded, framed, guessed, kept or shared on the strength of an answer, good or bad', async () => {
    for (const reply of [
      await predict(),
      await predict('/v1/predict?nonsense=1'),
      await get('/v2/health/live'),
    ]) {
      expect(reply.headers).toMatchObject({
        'content-security-policy':
          "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
      });
      for (const header of ['server', 'x-powered-by', 'strict-transport-security']) {
        expect(reply.headers).not.toHaveProperty(header);
      }
    }
  });

  it('let no page of another origin read anything', async () => {
    const reply = await get('/v1/models', { origin: 'https://elsewhere.example' });
    const preflight = await test.app.inject({
      method: 'OPTIONS',
      url: '/v1/predict',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.statusCode).toBe(405);
    for (const { headers } of [reply, preflight]) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it('let the page of the documentation load its own scripts, and none in place or from elsewhere', async () => {
    for (const url of ['/docs', '/docs/static/swagger-ui-bundle.js']) {
      const policy = String((await get(url)).headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("connect-src 'self';");
    }
    const { body } = await get('/docs');
    expect(body.replaceAll(/<script src="[^"]+"[^>]*>\s*<\/script>/g, '')).not.toMatch(
      /<script|<style|style=| on\w+=/,
    );
  });
});
