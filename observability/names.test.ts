import { readFile } from 'node:fs/promises';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { beforeAll, describe, expect, it } from 'vitest';
import { settings, variable } from '../src/config.ts';
import { DASHBOARDS } from './dashboards/index.ts';
import { type Exposed, exposedMetrics } from './exposition.ts';
import { namesOf } from './promql.ts';
import { type Rule, readRules } from './rules.ts';

/** Labels that Prometheus adds to every series, and to histograms. */
const TARGET_LABELS = ['namespace', 'job', 'instance'];
/** We set the values of these labels. Operators set those of the others. */
const CLOSED_LABELS = ['reason', 'phase', 'stage', 'outcome'];
/** Prometheus' own. */
const PROMETHEUS_METRICS = ['up'];

let exposed: Map<string, Exposed>;
let rules: Rule[];
beforeAll(async () => {
  exposed = await exposedMetrics();
  rules = await readRules();
});

const recorded = (): string[] => rules.flatMap(({ record }) => record ?? []);

/** The labels of the series of `metric`. The name of a recorded one begins with them. */
function labelsOf(metric: string): readonly string[] {
  if (recorded().includes(metric)) return metric.split(':')[0]!.split('_');
  return [...exposed.get(metric)!.labels, ...TARGET_LABELS];
}

/** Checks every name in a query; returns the labels that its result may have. */
function checkQuery(expr: string): readonly string[] {
  const { selectors, groupings } = namesOf(expr);
  const labels = new Set<string>();
  for (const { metric, matchers } of selectors) {
    if (PROMETHEUS_METRICS.includes(metric)) {
      for (const label of TARGET_LABELS) labels.add(label);
      continue;
    }
    expect([...exposed.keys(), ...recorded()], expr).toContain(metric);
    expect(exposed.get(metric)?.type, `${metric} needs _bucket, _sum or _count: ${expr}`).not.toBe(
      'histogram',
    );
    const known = labelsOf(metric);
    for (const label of known) labels.add(label);
    for (const { label, values } of matchers) {
      expect(known, `${metric}: ${expr}`).toContain(label);
      if (!CLOSED_LABELS.includes(label)) continue;
      for (const value of values) expect([...exposed.get(metric)!.values.get(label)!], expr).toContain(value);
    }
  }
  for (const label of groupings) expect([...labels], expr).toContain(label);
  return [...labels];
}

describe('every name in the queries of dashboards exists', () => {
  it.each(Object.entries(DASHBOARDS))('%s', (_name, dashboard) => {
    const panels = (dashboard.panels as Panel[]).filter(({ type }) => type !== 'row');
    for (const { targets = [] } of panels) {
      for (const { expr, legendFormat } of targets as unknown as { expr: string; legendFormat: string }[]) {
        const labels = checkQuery(expr);
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          expect(labels, `${legendFormat}: ${expr}`).toContain(label);
        }
      }
    }
    for (const { name, query } of dashboard.templating.list as unknown as {
      name: string;
      query?: { query: string };
    }[]) {
      const asked = query?.query && /^label_values\((.*), (\w+)\)$/.exec(query.query);
      if (asked) expect(checkQuery(asked[1]!), name).toContain(asked[2]);
    }
  });
});

it('every name in the rules exists', () => {
  expect(rules.length).toBeGreaterThan(30);
  for (const { expr } of rules) checkQuery(expr);
});

it('the check knows wrong names', () => {
  for (const wrong of [
    'dent_queue_length',
    'rate(dent_batch_size[5m])',
    'dent_queue_depth{lane="x"}',
    'dent_entropy_nats_sum{phase="before"}',
    'sum by (route) (dent_queue_depth)',
    'sum(dent_queue_depth',
  ]) {
    expect(() => checkQuery(wrong), wrong).toThrow();
  }
});

describe('alerts', () => {
  const alerts = () => rules.filter(({ alert }) => alert !== undefined);

  it('say how bad it is, what it is and where to read on', () => {
    for (const { alert, labels, annotations } of alerts()) {
      expect(alert).toMatch(/^Dent[A-Z]\w+$/);
      expect(['critical', 'warning'], alert).toContain(labels?.severity);
      expect(annotations?.summary, alert).toMatch(/\.$/);
      expect(annotations?.description, alert).toMatch(/\.$/);
      expect(annotations?.runbook_url, alert).toBe(`docs/runbook.md#${alert!.toLowerCase()}`);
    }
  });

  it('have a section each in the runbook, and it has no others', async () => {
    const runbook = await readFile(new URL('../docs/runbook.md', import.meta.url), 'utf8');
    const sections = Array.from(runbook.matchAll(/^### (Dent\w+)$/gm), ([, name]) => name);
    expect(sections.toSorted()).toEqual(
      alerts()
        .map(({ alert }) => alert)
        .toSorted(),
    );
  });
});

it.each(['runbook', 'observability', 'scaling'])(
  'docs/%s.md names metrics and settings that exist',
  async (page) => {
    const text = await readFile(new URL(`../docs/${page}.md`, import.meta.url), 'utf8');
    const metrics = text.match(/\b(?:\w+:dent|dent|nodejs|process)_[\w:]*[a-z0-9]\b/g) ?? [];
    expect(metrics.length).toBeGreaterThan(0);
    const known = [...exposed.keys(), ...recorded()];
    // Some are named by their beginning.
    for (const name of metrics)
      expect(
        known.filter((each) => each.startsWith(name)),
        name,
      ).not.toEqual([]);
    const variables = [...Object.keys(settings).map(variable), 'DENT_CHAOS_POSTS', 'DENT_FULL_SECONDS'];
    for (const name of text.match(/\bDENT_[A-Z_]+[A-Z]\b/g) ?? []) expect(variables).toContain(name);
  },
);

it('the page of metrics lists each of ours with its labels', async () => {
  const page = await readFile(new URL('../docs/observability.md', import.meta.url), 'utf8');
  const rows = Array.from(page.matchAll(/^\| `(dent_\w+)(?:\{(.*?)\})?` \|/gm), ([, name, labels]) => [
    name,
    labels?.split(',').toSorted() ?? [],
  ]);
  const families = [...exposed].filter(([name, { type }]) => name.startsWith('dent_') && type !== 'series');
  const ours = families.map(([name, { labels }]) => [
    name,
    [...labels].filter((label) => label !== 'le').toSorted(),
  ]);
  const byName = ([a]: unknown[], [b]: unknown[]): number => String(a).localeCompare(String(b));
  expect(rows.toSorted(byName)).toEqual(ours.toSorted(byName));
});
