import { expect, it } from 'vitest';
import { otherNames } from '../values-schema.ts';
import { refusal } from './render.ts';

const redis = { queue: { mode: 'redis' }, redis: { existingSecret: 'redis' } };
const keda = { prometheusAddress: 'http://prometheus:9090' };
const sha256 = 'a'.repeat(64);

it.each<[string, object, RegExp]>([
  ['Redis that is nowhere', { queue: { mode: 'redis' } }, /there is no Redis/],
  ['two Redis', { ...redis, redis: { existingSecret: 'redis', internal: { enabled: true } } }, /choose one/],
  ['Redis that nobody uses', { redis: { existingSecret: 'redis' } }, /queue\.mode is memory/],
  ['a trial Redis that nobody uses', { redis: { internal: { enabled: true } } }, /queue\.mode is memory/],
  ['workers without a queue', { worker: { replicas: 2 } }, /worker\.replicas is set.*no workers/],
  [
    'scaled workers without a queue',
    { worker: { autoscaling: { kind: 'hpa' } } },
    /worker\.autoscaling is on/,
  ],
  ['both autoscalers', { api: { autoscaling: { kind: ['hpa', 'keda'] } } }, /kind/],
  [
    'more than the most pods',
    { api: { autoscaling: { kind: 'hpa', minReplicas: 9, maxReplicas: 3 } } },
    /minReplicas exceeds/,
  ],
  [
    'an API of no pods',
    { api: { autoscaling: { kind: 'hpa', minReplicas: 0 } } },
    /only workers can go down to none/,
  ],
  [
    'an HPA that goes down to none',
    { ...redis, worker: { autoscaling: { kind: 'hpa', minReplicas: 0 } } },
    /only workers can go down to none, and only by keda/,
  ],
  [
    'KEDA without Prometheus',
    { ...redis, worker: { autoscaling: { kind: 'keda' } } },
    /prometheusAddress is empty/,
  ],
  [
    'KEDA with metrics of an HPA',
    { ...redis, keda, worker: { autoscaling: { kind: 'keda', extraMetrics: [{ type: 'Pods' }] } } },
    /extraMetrics is for kind hpa/,
  ],
  [
    'KEDA for pods that have no queue',
    { ...redis, keda, monitoring: { enabled: true }, api: { autoscaling: { kind: 'keda' } } },
    /use keda for worker\.autoscaling/,
  ],
  [
    'KEDA that asks for labels nobody gives',
    { ...redis, keda, worker: { autoscaling: { kind: 'keda' } } },
    /monitoring\.enabled is off/,
  ],
  [
    'scaling by a request that is not there',
    { api: { autoscaling: { kind: 'hpa' } }, engine: { threads: 1, resources: { requests: { cpu: null } } } },
    /there is no CPU request/,
  ],
  ['threads from nowhere', { engine: { resources: { requests: { cpu: null } } } }, /engine\.threads is null/],
  ['an update that cannot start', { api: { strategy: { maxSurge: 0 } } }, /no update could ever start/],
  [
    'a setting beside the values',
    { api: { extraEnv: [{ name: 'DENT_PORT', value: '1' }] } },
    /api\.extraEnv sets DENT_PORT/,
  ],
  ['a GPU without one', { engine: { gpu: { enabled: true, count: 0 } } }, /gpu\.count is less than 1/],
  [
    'a GPU among the resources',
    { engine: { resources: { limits: { 'nvidia.com/gpu': 1 } } } },
    /engine\.resources names nvidia\.com\/gpu/,
  ],
  ['a claim without a name', { models: { source: 'pvc' } }, /claimName is empty/],
  ['a claim that nobody uses', { models: { pvc: { claimName: 'models' } } }, /models\.source is image/],
  ['an archive from nowhere', { models: { source: 'download', download: { sha256 } } }, /says from where/],
  [
    'an archive from two places',
    { models: { source: 'download', download: { url: 'https://a/b', existingSecret: 'url', sha256 } } },
    /both give a URL/,
  ],
  [
    'an archive that is not pinned',
    { models: { source: 'download', download: { url: 'https://a/b' } } },
    /what is not pinned is not run/,
  ],
  [
    'an archive that nobody uses',
    { models: { download: { url: 'https://a/b' } } },
    /models\.source is image/,
  ],
  [
    'closing shorter than the drain',
    { lifecycle: { drainDelayMs: 60_000 } },
    /must exceed lifecycle\.drainDelayMs/,
  ],
  [
    'a grace period that is none',
    { lifecycle: { terminationGracePeriodSeconds: 60 } },
    /terminationGracePeriodSeconds \(60 s\) must exceed lifecycle\.closeTimeoutMs \(60000 ms\)/,
  ],
  ['an ingress to nowhere', { ingress: { enabled: true } }, /ingress\.hosts is empty/],
  [
    'a certificate of another host',
    {
      ingress: {
        enabled: true,
        hosts: ['a.example.com'],
        tls: [{ secretName: 't', hosts: ['b.example.com'] }],
      },
    },
    /b\.example\.com, which is not among ingress\.hosts/,
  ],
  [
    'a way to unload models that is open to everybody',
    { ingress: { enabled: true, hosts: ['a.example.com'], paths: ['/v1', '/v2'] } },
    /ingress\.paths has \/v2, and with it \/v2\/repository/,
  ],
  [
    'the same by a gateway',
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }], paths: ['/'] } },
    /httpRoute\.paths has \//,
  ],
  ['a route without a gateway', { httpRoute: { enabled: true } }, /parentRefs is empty/],
  ['a key that nobody asks for', { tests: { apiKeySecret: 'key' } }, /nobody asks for a key/],
  [
    'an image from nowhere',
    { image: { repository: '' } },
    /image\.repository is empty, and no image is published/,
  ],
  ['a misspelt value', { engine: { threds: 2 } }, /engine.*threds/],
  ['a misspelt setting', { settings: { maxBodybytes: 2048 } }, /settings.*maxBodybytes/],
  [
    'a setting that other values decide',
    { settings: { redisUrl: 'redis://:secret@redis' } },
    /settings.*redisUrl/,
  ],
  ['a setting out of bounds', { settings: { maxBodyBytes: 1 } }, /maxBodyBytes/],
])('refuses %s with a sentence', (_, values, sentence) => {
  expect(refusal(values)).toMatch(sentence);
});

/** The values with this one set, which is a path. */
const valuesWith = (path: string, value: unknown): object =>
  path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;

it.each(Object.entries(otherNames))('says for %s what to set', (path, hint) => {
  expect(refusal(valuesWith(path, { name: 1 }))).toContain(`There is no value ${path}: ${hint}.`);
});

it('does not mistake a number for an object', () => {
  expect(refusal({ redis: 3 })).toMatch(/redis.*want object/);
  expect(refusal({ replicas: 3 })).toContain('There is no value replicas: set api.replicas');
});
