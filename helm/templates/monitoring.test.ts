import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHART, find, ofKind, render } from './render.ts';

const redis = { queue: { mode: 'redis' }, redis: { existingSecret: 'redis' } };
const additionalLabels = { release: 'prometheus' };

it('scrapes the API through its Service and workers by their pods', () => {
  const manifests = render({ ...redis, monitoring: { enabled: true, additionalLabels, interval: '30s' } });
  const service = find(manifests, 'ServiceMonitor');
  const pods = find(manifests, 'PodMonitor');
  expect(service.metadata.labels.release).toBe('prometheus');
  expect(pods.metadata.labels.release).toBe('prometheus');
  expect(service.spec.endpoints).toEqual([
    { port: 'metrics', path: '/metrics', interval: '30s', scrapeTimeout: '10s' },
  ]);
  expect(pods.spec.podMetricsEndpoints).toHaveLength(1);
});

it('has no monitor of workers where there are none, and none at all unless one asks', () => {
  expect(ofKind(render({ monitoring: { enabled: true } }), 'PodMonitor')).toEqual([]);
  expect(ofKind(render(), 'ServiceMonitor')).toEqual([]);
});

describe('rules and dashboards', () => {
  const rules = `groups:
  - name: dent
    rules:
      - alert: Down
        expr: up == 0
        annotations: { summary: "{{ $labels.pod }} is down" }
`;
  const dashboard = { title: 'dent', panels: [{ targets: [{ legendFormat: '{{model}}' }] }] };
  let chart: string;
  beforeAll(() => {
    chart = mkdtempSync(join(tmpdir(), 'dent-chart-'));
    cpSync(CHART, chart, { recursive: true });
    for (const folder of ['rules', 'dashboards']) {
      rmSync(join(chart, folder), { recursive: true, force: true });
      mkdirSync(join(chart, folder));
    }
    writeFileSync(join(chart, 'rules', 'alerts.yaml'), rules);
    writeFileSync(join(chart, 'dashboards', 'overview.json'), JSON.stringify(dashboard, undefined, 2));
  });
  afterAll(() => rmSync(chart, { recursive: true }));

  const values = {
    monitoring: {
      additionalLabels,
      rules: { enabled: true },
      dashboards: { enabled: true, annotations: { grafana_folder: 'dent' } },
    },
  };

  it('go in as they are, braces and all', () => {
    const manifests = render(values, chart);
    const rule = find(manifests, 'PrometheusRule');
    expect(rule.metadata).toMatchObject({ name: 'vision-dent-serve-alerts', labels: additionalLabels });
    expect(rule.spec.groups[0].rules[0].annotations.summary).toBe('{{ $labels.pod }} is down');
    const map = find(manifests, 'ConfigMap');
    expect(map.metadata.labels.grafana_dashboard).toBe('1');
    expect(map.metadata.annotations).toEqual({ grafana_folder: 'dent' });
    expect(JSON.parse(map.data!['overview.json']!)).toEqual(dashboard);
  });

  it('may be none', () => {
    for (const folder of ['rules', 'dashboards']) rmSync(join(chart, folder), { recursive: true });
    const manifests = render(values, chart);
    expect(ofKind(manifests, 'PrometheusRule')).toEqual([]);
    expect(ofKind(manifests, 'ConfigMap')).toEqual([]);
  });
});

describe('links of alerts', () => {
  const links = (rules: object): string[] =>
    ofKind(render({ monitoring: { rules: { enabled: true, ...rules } } }), 'PrometheusRule')
      .flatMap(({ spec }) => spec.groups.flatMap((group: { rules: object[] }) => group.rules))
      .flatMap(({ annotations }) => annotations?.runbook_url ?? []);

  it('lead to the runbook where you have it', () => {
    const runbookUrl = 'https://git.example.com/dent-serve/docs/runbook.md';
    const all = links({ runbookUrl });
    expect(all).toContain(`${runbookUrl}#dentredisdown`);
    expect(new Set(all).size).toBeGreaterThan(10);
    for (const link of all) expect(new URL(link).hash).toMatch(/^#dent[a-z]+$/);
  });

  it('are paths in the repository where nobody says', () => {
    for (const link of links({})) expect(link).toMatch(/^docs\/runbook\.md#dent/);
  });
});

it('renders those that the chart has', () => {
  for (const { spec } of ofKind(render({ monitoring: { rules: { enabled: true } } }), 'PrometheusRule')) {
    expect(spec.groups.length).toBeGreaterThan(0);
  }
  for (const { data } of ofKind(render({ monitoring: { dashboards: { enabled: true } } }), 'ConfigMap')) {
    for (const text of Object.values(data!)) expect(JSON.parse(text)).toHaveProperty('panels');
  }
});
