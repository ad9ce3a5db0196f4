import { describe, expect, it } from 'vitest';
import { containersOf, envOf, find, ofKind, podOf, podsOf, render } from './render.ts';

const redis = { queue: { mode: 'redis' }, redis: { existingSecret: 'redis' } };

describe('with the memory queue', () => {
  const manifests = render();

  it('one Deployment of one pod does everything', () => {
    expect(ofKind(manifests, 'Deployment')).toHaveLength(1);
    const { owner, container } = podOf(manifests, 'api');
    expect(owner.spec).toMatchObject({
      replicas: 1,
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
    expect(container).toMatchObject({ image: 'dent-serve:0.1.0', args: ['serve'] });
    expect(envOf(container)).toMatchObject({
      DENT_QUEUE: 'memory',
      DENT_DEVICE: 'cpu',
      DENT_CACHE_DIR: '/cache',
    });
    expect(envOf(container)).not.toHaveProperty('DENT_REDIS_URL');
  });

  it('takes as many threads as the pod has of CPU, not as the node has', () => {
    expect(envOf(podOf(manifests, 'api').container).DENT_THREADS).toEqual({
      resourceFieldRef: { containerName: 'api', resource: 'requests.cpu', divisor: '1' },
    });
    const limited = render({ engine: { resources: { requests: { cpu: null }, limits: { cpu: '2' } } } });
    expect(envOf(podOf(limited, 'api').container).DENT_THREADS).toMatchObject({
      resourceFieldRef: { resource: 'limits.cpu' },
    });
    expect(envOf(podOf(render({ engine: { threads: 3 } }), 'api').container).DENT_THREADS).toBe('3');
  });
});

describe('with Redis', () => {
  const manifests = render(redis);

  it('API pods run no models and workers do', () => {
    const api = podOf(manifests, 'api');
    const worker = podOf(manifests, 'worker');
    expect(api.container.args).toEqual(['serve']);
    expect(worker.container.args).toEqual(['worker']);
    expect(envOf(api.container)).not.toHaveProperty('DENT_THREADS');
    expect(api.pod.volumes!.map(({ name }) => name)).toEqual(['tmp']);
    expect(worker.pod.volumes!.map(({ name }) => name)).toEqual(['tmp', 'cache']);
    expect(worker.owner.spec.replicas).toBe(1);
  });

  it('both read the URL from the Secret', () => {
    for (const component of ['api', 'worker'] as const) {
      expect(envOf(podOf(manifests, component).container)).toMatchObject({
        DENT_QUEUE: 'redis',
        DENT_REDIS_PREFIX: 'dent',
        DENT_REDIS_URL: { secretKeyRef: { name: 'redis', key: 'url' } },
      });
    }
  });
});

describe('probes', () => {
  it.each([
    ['api', 'http'],
    ['worker', 'metrics'],
  ] as const)('of %s look at readiness and, for life, at the process alone', (component, port) => {
    const { container } = podOf(render(redis), component);
    const ready = { path: '/v2/health/ready', port };
    expect(container).toMatchObject({
      startupProbe: { httpGet: ready, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 60 },
      readinessProbe: { httpGet: ready, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
      livenessProbe: {
        httpGet: { path: '/v2/health/live', port },
        periodSeconds: 10,
        failureThreshold: 3,
      },
    });
  });

  it('wait as long for the first time as they are told', () => {
    const { container, owner } = podOf(render({ lifecycle: { startupSeconds: 601 } }), 'api');
    expect(container.startupProbe).toMatchObject({ failureThreshold: 121 });
    expect(owner.spec.progressDeadlineSeconds).toBe(901);
  });
});

describe('the end of a pod', () => {
  it('leaves the process the time to close, and ten seconds', () => {
    const { pod, container } = podOf(
      render({ lifecycle: { drainDelayMs: 8000, closeTimeoutMs: 90_500 } }),
      'api',
    );
    expect(pod.terminationGracePeriodSeconds).toBe(101);
    expect(envOf(container)).toMatchObject({ DENT_DRAIN_DELAY_MS: '8000', DENT_CLOSE_TIMEOUT_MS: '90500' });
  });

  it('comes when one says', () => {
    const { pod } = podOf(render({ lifecycle: { terminationGracePeriodSeconds: 300 } }), 'api');
    expect(pod.terminationGracePeriodSeconds).toBe(300);
  });
});

describe('GPUs', () => {
  const gpu = { enabled: true, count: 2, runtimeClassName: 'nvidia', nodeSelector: { pool: 'gpu' } };
  const manifests = render({ ...redis, engine: { gpu }, worker: { nodeSelector: { zone: 'a' } } });

  it('go to the pods that run models, with the image for them', () => {
    const { pod, container } = podOf(manifests, 'worker');
    expect(container.image).toBe('dent-serve:0.1.0-cuda');
    expect(envOf(container).DENT_DEVICE).toBe('cuda');
    expect(container.resources).toEqual({
      requests: { cpu: '1', memory: '1Gi', 'nvidia.com/gpu': 2 },
      limits: { memory: '2Gi', 'nvidia.com/gpu': 2 },
    });
    expect(pod).toMatchObject({
      runtimeClassName: 'nvidia',
      nodeSelector: { pool: 'gpu', zone: 'a' },
      tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
    });
  });

  it('leave the API alone', () => {
    const { pod, container } = podOf(manifests, 'api');
    expect(container.image).toBe('dent-serve:0.1.0');
    expect(container.resources.limits).not.toHaveProperty('nvidia.com/gpu');
    for (const field of ['runtimeClassName', 'nodeSelector', 'tolerations'])
      expect(pod).not.toHaveProperty(field);
  });
});

describe('settings', () => {
  it('reach both kinds of pod, large numbers in full', () => {
    const manifests = render({ ...redis, settings: { maxBodyBytes: 104_857_600, logLevel: 'debug' } });
    for (const component of ['api', 'worker'] as const) {
      expect(envOf(podOf(manifests, component).container)).toMatchObject({
        DENT_MAX_BODY_BYTES: '104857600',
        DENT_LOG_LEVEL: 'debug',
      });
    }
  });
});

describe('labels and names', () => {
  it('of one’s own reach every object and pod, and no selector', () => {
    const manifests = render({
      ...redis,
      commonLabels: { team: 'vision' },
      networkPolicy: { enabled: true },
    });
    for (const { metadata, spec } of manifests) {
      expect(metadata.labels.team).toBe('vision');
      if (spec?.template) {
        expect(spec.template.metadata.labels.team).toBe('vision');
        expect(spec.selector.matchLabels).not.toHaveProperty('team');
      }
    }
  });

  it('can be replaced', () => {
    expect(find(render({ fullnameOverride: 'eyes' }), 'Deployment').metadata.name).toBe('eyes-api');
    expect(find(render({ nameOverride: 'eyes' }), 'Deployment').metadata.name).toBe('vision-eyes-api');
  });

  it('of the image can be pinned, and that of a tag can be chosen', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(podOf(render({ image: { digest } }), 'api').container.image).toBe(`dent-serve@${digest}`);
    const image = { repository: 'registry.example.com/a/b', tag: 'v9' };
    expect(podOf(render({ image }), 'api').container.image).toBe('registry.example.com/a/b:v9');
  });
});

describe('API keys', () => {
  const manifests = render({
    ...redis,
    apiKeys: { existingSecret: 'keys' },
    tests: { apiKeySecret: 'mine' },
  });

  it('reach the API as a file that changes with the Secret', () => {
    const { pod, container } = podOf(manifests, 'api');
    expect(envOf(container).DENT_API_KEYS_FILE).toBe('/etc/dent/api-keys/api-keys.json');
    // Mounted by `subPath` it would never change after the start.
    expect(container.volumeMounts).toContainEqual({
      name: 'api-keys',
      mountPath: '/etc/dent/api-keys',
      readOnly: true,
    });
    expect(pod.volumes).toContainEqual({
      name: 'api-keys',
      secret: { secretName: 'keys', defaultMode: 0o440 },
    });
  });

  it('are no business of workers', () => {
    const { pod, container } = podOf(manifests, 'worker');
    expect(envOf(container)).not.toHaveProperty('DENT_API_KEYS_FILE');
    expect(pod.volumes!.map(({ name }) => name)).not.toContain('api-keys');
  });

  it('are what the test has one of', () => {
    expect(envOf(find(manifests, 'Pod', '-test').spec.containers[0])).toMatchObject({
      KEYS_ASKED_FOR: 'yes',
      API_KEY: { secretKeyRef: { name: 'mine', key: 'api-key' } },
    });
  });
});

it('sends traces where one says', () => {
  const manifests = render({ ...redis, tracing: { endpoint: 'http://collector:4318' } });
  for (const component of ['api', 'worker'] as const) {
    expect(envOf(podOf(manifests, component).container).DENT_OTLP_ENDPOINT).toBe('http://collector:4318');
  }
});

it('runs the test in a pod with the image of the release', () => {
  const test = find(render({ service: { port: 8000 } }), 'Pod', '-test');
  expect(test.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'test' });
  const [container] = test.spec.containers;
  expect(container.image).toBe('dent-serve:0.1.0');
  expect(envOf(container)).toEqual({ API_URL: 'http://vision-dent-serve:8000', KEYS_ASKED_FOR: 'no' });
});

it('spreads pods by their own labels, or by those one names', () => {
  const labelSelector = { matchLabels: { group: 'mine' } };
  const rule = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' };
  const { owner, pod } = podOf(
    render({ api: { topologySpreadConstraints: [rule, { ...rule, labelSelector }] } }),
    'api',
  );
  const { matchLabels } = owner.spec.selector;
  expect(pod.topologySpreadConstraints).toEqual([
    { ...rule, labelSelector: { matchLabels } },
    { ...rule, labelSelector },
  ]);
});

it('gives every pod what one adds', () => {
  const extra = {
    extraEnv: [{ name: 'NODE_OPTIONS', value: '--trace-warnings' }],
    extraVolumes: [{ name: 'ca', configMap: { name: 'ca' } }],
    extraVolumeMounts: [{ name: 'ca', mountPath: '/ca' }],
    podAnnotations: { 'example.com/a': 'b' },
    priorityClassName: 'high',
    affinity: { nodeAffinity: {} },
  };
  const manifests = render({ ...redis, api: extra, worker: extra, imagePullSecrets: [{ name: 'pull' }] });
  for (const component of ['api', 'worker'] as const) {
    const { owner, pod, container } = podOf(manifests, component);
    expect(envOf(container).NODE_OPTIONS).toBe('--trace-warnings');
    expect(container.volumeMounts).toContainEqual({ name: 'ca', mountPath: '/ca' });
    expect(pod.volumes).toContainEqual({ name: 'ca', configMap: { name: 'ca' } });
    expect(pod).toMatchObject({ priorityClassName: 'high', affinity: { nodeAffinity: {} } });
    expect(owner.spec.template.metadata.annotations).toEqual({ 'example.com/a': 'b' });
    expect(pod.topologySpreadConstraints).toHaveLength(2);
  }
  for (const { pod } of podsOf(manifests)) expect(pod.imagePullSecrets).toEqual([{ name: 'pull' }]);
  expect(containersOf(podOf(manifests, 'api').pod)).toHaveLength(1);
});
