import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from './dashboards/index.ts';

const FOLDER = '../helm/dent-serve/dashboards';
const COLUMNS = 24;

type Target = { expr?: string; refId?: string; instant?: boolean; legendFormat?: string };
const targetsOf = ({ targets = [] }: Panel): Target[] => targets as Target[];

/** The cells of the grid that a panel covers. */
function cellsOf({ gridPos }: Panel): string[] {
  const { x, y, w, h } = gridPos!;
  return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
}

describe.each(Object.entries(DASHBOARDS))('the dashboard %s', (name, dashboard) => {
  const panels = dashboard.panels as Panel[];
  const charts = panels.filter(({ type }) => type !== 'row');

  it('is the file that the chart installs', async () => {
    await expect(`${JSON.stringify(dashboard, undefined, 2)}\n`).toMatchFileSnapshot(
      `${FOLDER}/${name}.json`,
    );
  });

  it('has panels with numbers of their own that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(cellsOf);
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos, title } of panels)
      expect(gridPos!.x + gridPos!.w, title).toBeLessThanOrEqual(COLUMNS);
  });

  it('says of every panel what it shows, in which unit, and by which query', () => {
    expect(new Set(charts.map(({ title }) => title)).size).toBe(charts.length);
    for (const panel of charts) {
      expect(panel.description, panel.title).toMatch(/^[A-Z“"].{10,}\.$/s);
      expect(panel.fieldConfig?.defaults.unit, panel.title).toBeTruthy();
      expect(targetsOf(panel).length, panel.title).toBeGreaterThan(0);
      expect(new Set(targetsOf(panel).map(({ refId }) => refId)).size).toBe(targetsOf(panel).length);
      expect(panel.datasource).toEqual({ type: 'prometheus', uid: '$datasource' });
    }
  });

  it('looks over the range of the dashboard where it shows one value, and over an interval where it shows a line', () => {
    for (const panel of charts) {
      for (const { expr, instant } of targetsOf(panel)) {
        if (instant) expect(expr, panel.title).not.toContain('$__rate_interval');
        if (panel.type === 'timeseries' || panel.type === 'heatmap') {
          expect(expr, panel.title).not.toContain('$__range');
        }
      }
    }
  });

  it('can be narrowed to one deployment', () => {
    const names = dashboard.templating.list!.map((variable) => variable.name);
    expect(names.slice(0, 3)).toEqual(['datasource', 'namespace', 'job']);
    for (const panel of charts) {
      for (const { expr } of targetsOf(panel)) {
        // Models and recipes too, but not all metrics have them.
        for (const variable of ['namespace', 'job']) {
          expect(expr, panel.title).toContain(`${variable}=~"$${variable}"`);
        }
      }
    }
  });
});

it('have names of their own', () => {
  const uids = Object.values(DASHBOARDS).map(({ uid }) => uid!);
  expect(new Set(uids).size).toBe(uids.length);
  for (const uid of uids) expect(uid.length).toBeLessThanOrEqual(40);
});
