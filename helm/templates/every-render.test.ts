import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { loadConfig, settings, variable } from '../../src/config.ts';
import { CHART, containersOf, lint, type Manifest, ofKind, podsOf, render, VALUES_FILES } from './render.ts';

it('has the version of the package', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect([chart.version, chart.appVersion]).toEqual([version, version]);
});

afterEach(() => vi.unstubAllEnvs());

const SETTINGS: readonly string[] = Object.keys(settings).map(variable);

/** Values for variables that Kubernetes fills in. */
const FILLED_IN: Record<string, string> = { DENT_REDIS_URL: 'redis://redis:6379', DENT_THREADS: '4' };

const labelsMatch = (labels: Record<string, string>, selector: Record<string, string>): boolean =>
  Object.entries(selector).every(([label, value]) => labels[label] === value);

describe.each(VALUES_FILES.map((file) => [basename(file), file]))('%s', (_, file) => {
  let manifests: Manifest[];
  beforeAll(() => {
    manifests = render(file);
  });

  it('passes helm lint --strict', () => {
    const { status, stdout, stderr } = lint(file);
    expect(status, stdout + stderr).toBe(0);
  });

  it('names every object once, in the namespace of the release, with the recommended labels', () => {
    const ids = manifests.map(({ apiVersion, kind, metadata }) =>
      [apiVersion, kind, metadata.name].join('/'),
    );
    expect(new Set(ids).size).toBe(ids.length);
    for (const { kind, metadata } of manifests.filter(({ metadata }) => !metadata.name.endsWith('-note'))) {
      expect(metadata.namespace, kind).toBe('serving');
      expect(metadata.name.length).toBeLessThan(64);
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/name': 'dent-serve',
        'app.kubernetes.io/instance': 'vision',
        'app.kubernetes.io/managed-by': 'Helm',
      });
    }
  });

  it('sets only variables that the server reads, each to a value that it takes', () => {
    for (const { pod } of podsOf(manifests)) {
      for (const { env = [] } of containersOf(pod)) {
        const own = env.filter(({ name }) => name.startsWith('DENT_'));
        expect(new Set(own.map(({ name }) => name)).size).toBe(own.length);
        for (const { name, value = FILLED_IN[name] } of own) {
          expect(SETTINGS).toContain(name);
          expect(value, name).toBeDefined();
          vi.stubEnv(name, value);
        }
        expect(() => loadConfig({})).not.toThrow();
        vi.unstubAllEnvs();
      }
    }
  });

  it('meets Pod Security "restricted", and gives no pod a token', () => {
    const pods = podsOf(manifests);
    expect(pods.length).toBeGreaterThan(1);
    for (const { pod } of pods) {
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.enableServiceLinks).toBe(false);
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        fsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const { securityContext, resources } of containersOf(pod)) {
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(resources).toMatchObject({
          requests: { cpu: expect.anything() },
          limits: { memory: expect.anything() },
        });
      }
    }
  });

  it('mounts only volumes that are there, and writes only where a volume is', () => {
    for (const { pod } of podsOf(manifests)) {
      const volumes = (pod.volumes ?? []).map(({ name }) => name);
      expect(new Set(volumes).size).toBe(volumes.length);
      const claimed = ofKind(manifests, 'StatefulSet').flatMap(({ spec }) => spec.volumeClaimTemplates ?? []);
      const all = [...volumes, ...claimed.map(({ metadata }) => metadata.name)];
      for (const { volumeMounts = [] } of containersOf(pod)) {
        for (const { name } of volumeMounts) expect(all).toContain(name);
      }
    }
  });

  it('points every Service, monitor and budget at pods that are there', () => {
    const templates = manifests.flatMap(({ spec }) => (spec?.template ? [spec.template] : []));
    const reached = (selector: Record<string, string>) =>
      templates.filter(({ metadata }) => labelsMatch(metadata.labels, selector));
    for (const { spec, metadata } of ofKind(manifests, 'Service')) {
      const pods = reached(spec.selector);
      expect(pods, metadata.name).toHaveLength(1);
      const ports = pods[0].spec.containers[0].ports.map(({ name }: { name: string }) => name);
      for (const { targetPort } of spec.ports) expect(ports).toContain(targetPort);
    }
    for (const { spec } of ofKind(manifests, 'PodDisruptionBudget')) {
      expect(reached(spec.selector.matchLabels)).toHaveLength(1);
    }
    for (const { spec } of ofKind(manifests, 'PodMonitor'))
      expect(reached(spec.selector.matchLabels)).toHaveLength(1);
    for (const { spec } of ofKind(manifests, 'ServiceMonitor')) {
      const services = ofKind(manifests, 'Service').filter(({ metadata }) =>
        labelsMatch(metadata.labels, spec.selector.matchLabels),
      );
      expect(services).toHaveLength(1);
      const ports = services[0]!.spec.ports.map(({ name }: { name: string }) => name);
      for (const { port } of spec.endpoints) expect(ports).toContain(port);
    }
    for (const { spec } of [
      ...ofKind(manifests, 'HorizontalPodAutoscaler'),
      ...ofKind(manifests, 'ScaledObject'),
    ]) {
      const targets = ofKind(manifests, 'Deployment').filter(
        ({ metadata }) => metadata.name === spec.scaleTargetRef.name,
      );
      expect(targets).toHaveLength(1);
      // Helm would set the number back at each upgrade.
      expect(targets[0]!.spec).not.toHaveProperty('replicas');
    }
    for (const { spec } of manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')) {
      expect(labelsMatch(spec.template.metadata.labels, spec.selector.matchLabels)).toBe(true);
    }
  });

  it('keeps passwords in Secrets', () => {
    for (const manifest of manifests.filter(({ kind }) => kind !== 'Secret')) {
      expect(JSON.stringify(manifest)).not.toMatch(/redis(s|\+\w+)?:\/\//);
    }
  });
});
