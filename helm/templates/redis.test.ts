import { describe, expect, it } from 'vitest';
import { envOf, find, ofKind, podOf, render } from './render.ts';

const trial = (internal: object = {}) => ({
  queue: { mode: 'redis' },
  redis: { internal: { enabled: true, ...internal } },
});

describe('the Redis of a trial', () => {
  const manifests = render(trial());
  const secret = find(manifests, 'Secret');

  it('has a random password, in a Secret', () => {
    const { password, url } = secret.stringData!;
    expect(password).toMatch(/^\w{32}$/);
    expect(url).toBe(`redis://:${password}@vision-dent-serve-redis:6379`);
    expect(find(render(trial()), 'Secret').stringData!.password).not.toBe(password);
    expect(JSON.stringify(manifests.filter(({ kind }) => kind !== 'Secret'))).not.toContain(password);
  });

  it('is what API and workers are sent to', () => {
    for (const component of ['api', 'worker'] as const) {
      expect(envOf(podOf(manifests, component).container).DENT_REDIS_URL).toEqual({
        secretKeyRef: { name: secret.metadata.name, key: 'url' },
      });
    }
  });

  it('keeps rows over a restart, and refuses rather than forgets', () => {
    const { spec } = find(manifests, 'StatefulSet');
    const [script] = spec.template.spec.containers[0].args;
    expect(script).toContain('appendonly yes');
    expect(script).toContain('maxmemory-policy noeviction');
    expect(script).toContain('maxmemory 512mb');
    expect(spec.volumeClaimTemplates[0].spec.resources.requests.storage).toBe('2Gi');
  });

  it('can have a Secret and no volume', () => {
    const own = render(trial({ existingSecret: 'mine', persistence: { enabled: false } }));
    expect(ofKind(own, 'Secret')).toEqual([]);
    const { spec } = find(own, 'StatefulSet');
    expect(spec).not.toHaveProperty('volumeClaimTemplates');
    expect(spec.template.spec.volumes).toContainEqual({ name: 'data', emptyDir: {} });
    expect(envOf(spec.template.spec.containers[0])).toEqual({
      REDISCLI_AUTH: { secretKeyRef: { name: 'mine', key: 'password' } },
    });
    expect(envOf(podOf(own, 'api').container).DENT_REDIS_URL).toEqual({
      secretKeyRef: { name: 'mine', key: 'url' },
    });
  });
});

it('is not there where one has another', () => {
  const manifests = render({
    queue: { mode: 'redis' },
    redis: { existingSecret: 'mine', existingSecretKey: 'u' },
  });
  for (const kind of ['StatefulSet', 'Secret']) expect(ofKind(manifests, kind)).toEqual([]);
  expect(envOf(podOf(manifests, 'worker').container).DENT_REDIS_URL).toEqual({
    secretKeyRef: { name: 'mine', key: 'u' },
  });
});
