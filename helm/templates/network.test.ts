import { describe, expect, it } from 'vitest';
import { find, ofKind, render } from './render.ts';

const redis = { queue: { mode: 'redis' }, redis: { existingSecret: 'redis' } };
const from = (name: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});
const on = (...ports: (number | string)[]) => ports.map((port) => ({ port, protocol: 'TCP' }));

describe('network policies', () => {
  it('are not there unless one asks', () => {
    expect(ofKind(render(), 'NetworkPolicy')).toEqual([]);
  });

  it('deny everything but names', () => {
    const { spec } = find(render({ networkPolicy: { enabled: true } }), 'NetworkPolicy', '-default');
    expect(spec).toEqual({
      podSelector: {
        matchLabels: { 'app.kubernetes.io/name': 'dent-serve', 'app.kubernetes.io/instance': 'vision' },
      },
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        {
          to: [from('kube-system')],
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
      ],
    });
  });

  it('let in whom one names', () => {
    const manifests = render({
      ...redis,
      networkPolicy: { enabled: true, apiFrom: [from('ingress')], metricsFrom: [from('monitoring')] },
    });
    const [clients, metrics] = find(manifests, 'NetworkPolicy', '-api').spec.ingress;
    expect(clients.from).toHaveLength(2);
    expect(clients.from).toContainEqual(from('ingress'));
    expect(clients.ports).toEqual(on('http'));
    expect(metrics).toEqual({ from: [from('monitoring')], ports: on('metrics') });
    expect(find(manifests, 'NetworkPolicy', '-worker').spec.ingress).toEqual([
      { from: [from('monitoring')], ports: on('metrics') },
    ]);
  });

  it('let nobody in to workers where nobody reads metrics', () => {
    const manifests = render({ ...redis, networkPolicy: { enabled: true } });
    expect(find(manifests, 'NetworkPolicy', '-worker').spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
    });
    expect(find(manifests, 'NetworkPolicy', '-worker').spec).not.toHaveProperty('ingress');
  });

  it('let nothing out of API pods that need nothing', () => {
    const manifests = render({ networkPolicy: { enabled: true } });
    const { policyTypes, egress } = find(manifests, 'NetworkPolicy', '-api').spec;
    expect([policyTypes, egress]).toEqual([['Ingress', 'Egress'], undefined]);
  });

  it('let out to Redis, to the collector and to the models', () => {
    const manifests = render({
      ...redis,
      tracing: { endpoint: 'http://collector:4318' },
      models: { source: 'download', download: { url: 'https://example.com/a.tar', sha256: 'a'.repeat(64) } },
      networkPolicy: {
        enabled: true,
        redisTo: [from('redis')],
        redisPorts: [6380],
        extraEgress: [{ ports: on(25) }],
      },
    });
    for (const component of ['-api', '-worker']) {
      expect(find(manifests, 'NetworkPolicy', component).spec.egress).toEqual([
        { to: [from('redis')], ports: on(6380) },
        { ports: on(4318) },
        { ports: on(443) },
        { ports: on(25) },
      ]);
    }
  });

  it('let the trial’s Redis be reached by API and workers alone', () => {
    const manifests = render({
      queue: { mode: 'redis' },
      redis: { internal: { enabled: true } },
      networkPolicy: { enabled: true },
    });
    const { ingress } = find(manifests, 'NetworkPolicy', '-redis').spec;
    expect(ingress).toHaveLength(1);
    expect(
      ingress[0].from.map(
        (peer: { podSelector: { matchLabels: Record<string, string> } }) =>
          peer.podSelector.matchLabels['app.kubernetes.io/component'],
      ),
    ).toEqual(['api', 'worker']);
    expect(find(manifests, 'NetworkPolicy', '-api').spec.egress[0].to[0].podSelector).toMatchObject({
      matchLabels: { 'app.kubernetes.io/component': 'redis' },
    });
  });
});

describe('the way in', () => {
  it('is a Service', () => {
    const { spec, metadata } = find(
      render({ service: { type: 'LoadBalancer', port: 8000, annotations: { a: 'b' } } }),
      'Service',
    );
    expect(spec).toMatchObject({
      type: 'LoadBalancer',
      ports: [{ name: 'http', port: 8000, targetPort: 'http' }],
    });
    expect(metadata.annotations).toEqual({ a: 'b' });
  });

  it('is an Ingress that does not show how to unload models', () => {
    const tls = [{ secretName: 'tls', hosts: ['dent.example.com'] }];
    const ingress = { enabled: true, className: 'nginx', hosts: ['dent.example.com'], tls };
    const { spec } = find(render({ ingress }), 'Ingress');
    expect(spec).toMatchObject({ ingressClassName: 'nginx', tls });
    const [rule] = spec.rules;
    expect(rule.host).toBe('dent.example.com');
    expect(rule.http.paths.map(({ path }: { path: string }) => path)).toEqual([
      '/v1',
      '/v2/health',
      '/v2/models',
    ]);
    expect(rule.http.paths[0].backend.service).toEqual({ name: 'vision-dent-serve', port: { name: 'http' } });
  });

  it('is an HTTPRoute', () => {
    const parentRefs = [{ name: 'public', namespace: 'gateways' }];
    const { spec } = find(
      render({ httpRoute: { enabled: true, parentRefs, hostnames: ['a.b'] } }),
      'HTTPRoute',
    );
    expect(spec).toMatchObject({ parentRefs, hostnames: ['a.b'] });
    expect(spec.rules[0].backendRefs).toEqual([{ name: 'vision-dent-serve', port: 80 }]);
  });
});
