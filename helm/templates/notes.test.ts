import { expect, it } from 'vitest';
import { notes } from './render.ts';

it('say how to try the release', () => {
  const text = notes({ service: { port: 8000 } });
  expect(text).toContain('helm test vision --namespace serving');
  expect(text).toContain('port-forward service/vision-dent-serve 8080:8000');
  expect(text).not.toContain('WARNING');
});

it('warn of what is open', () => {
  const open = notes({ ingress: { enabled: true, hosts: ['dent.example.com'] }, api: { replicas: 2 } });
  expect(open).toContain('http://dent.example.com');
  expect(open).toContain('asks for no key');
  expect(open).toContain('no TLS');
  expect(open).toContain('known to one pod only');
  const closed = notes({
    ingress: { enabled: true, hosts: ['a.b'], tls: [{ secretName: 't', hosts: ['a.b'] }] },
    apiKeys: { existingSecret: 'keys' },
  });
  expect(closed).toContain("-H 'authorization: Bearer YOUR-KEY'");
  expect(closed).not.toContain('WARNING');
});
