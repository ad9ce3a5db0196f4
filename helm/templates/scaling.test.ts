import { describe, expect, it } from 'vitest';
import { find, ofKind, render } from './render.ts';

const redis = { queue: { mode: 'redis' }, redis: { existingSecret: 'redis' } };
const keda = { prometheusAddress: 'http://prometheus:9090' };
const monitoring = { enabled: true };

describe('an HPA', () => {
  it('follows the CPU and what else one names', () => {
    const more = {
      type: 'Pods',
      pods: { metric: { name: 'x' }, target: { type: 'AverageValue', averageValue: '1' } },
    };
    const manifests = render({
      api: { autoscaling: { kind: 'hpa', minReplicas: 2, maxReplicas: 5, extraMetrics: [more] } },
    });
    const { spec, apiVersion } = find(manifests, 'HorizontalPodAutoscaler');
    expect(apiVersion).toBe('autoscaling/v2');
    expect(spec).toMatchObject({ minReplicas: 2, maxReplicas: 5 });
    expect(spec.metrics).toEqual([
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
      },
      more,
    ]);
    expect(spec.behavior.scaleDown.stabilizationWindowSeconds).toBe(300);
  });
});

describe('KEDA', () => {
  const scaled = (autoscaling: object, more: object = {}) =>
    find(
      render({
        ...redis,
        keda,
        monitoring,
        worker: { autoscaling: { kind: 'keda', ...autoscaling } },
        ...more,
      }),
      'ScaledObject',
    ).spec;

  it('counts the one queue once, however many API pods tell of it', () => {
    const [queue, cpu] = scaled({}).triggers;
    expect(queue.metadata).toEqual({
      serverAddress: 'http://prometheus:9090',
      query:
        'sum(max by (model, recipe) (dent_queue_depth{namespace="serving",service="vision-dent-serve-metrics"}))',
      threshold: '64',
      activationThreshold: '0',
      ignoreNullValues: 'false',
    });
    expect(cpu).toMatchObject({ type: 'cpu', metricType: 'Utilization', metadata: { value: '80' } });
  });

  it('adds up the queues where each pod has its own', () => {
    const manifests = render({ keda, monitoring, api: { autoscaling: { kind: 'keda' } } });
    const [queue] = find(manifests, 'ScaledObject').spec.triggers;
    expect(queue.metadata.query).toBe(
      'sum(dent_queue_depth{namespace="serving",service="vision-dent-serve-metrics"})',
    );
  });

  it('goes down to none by the queue alone, which a CPU trigger would forbid', () => {
    const spec = scaled({ minReplicas: 0 });
    expect(spec.minReplicaCount).toBe(0);
    expect(spec.triggers.map(({ type }: { type: string }) => type)).toEqual(['prometheus']);
  });

  it('keeps the pods there are while Prometheus is silent', () => {
    expect(scaled({}).fallback).toEqual({
      failureThreshold: 3,
      replicas: 2,
      behavior: 'currentReplicasIfHigher',
    });
  });

  it('asks what one tells it to ask, as whom', () => {
    const more = { keda: { ...keda, query: 'sum(mine)', authenticationRef: 'prometheus' }, monitoring: {} };
    const [queue] = scaled({}, more).triggers;
    expect(queue).toMatchObject({
      metadata: { query: 'sum(mine)' },
      authenticationRef: { name: 'prometheus' },
    });
  });
});

describe('a disruption budget', () => {
  it('is there for several pods, and lets unhealthy ones go', () => {
    const { spec } = find(render({ api: { replicas: 2 } }), 'PodDisruptionBudget');
    expect(spec).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
  });

  it('does not hold up a node for a single pod', () => {
    expect(ofKind(render(), 'PodDisruptionBudget')).toEqual([]);
    expect(ofKind(render({ ...redis, worker: { replicas: 1 } }), 'PodDisruptionBudget')).toEqual([]);
  });

  it('can be left out', () => {
    const manifests = render({ api: { replicas: 2, podDisruptionBudget: { enabled: false } } });
    expect(ofKind(manifests, 'PodDisruptionBudget')).toEqual([]);
  });
});
