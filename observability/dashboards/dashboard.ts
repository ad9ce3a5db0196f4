import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE } from './panels.ts';

/** The schema of Grafana 11.5. Later versions migrate it by themselves. */
const SCHEMA_VERSION = 40;
const TAG = 'dent-serve';

/** The processes that the variables choose. Goes between the braces of every query. */
export const PROCESSES = 'namespace=~"$namespace", job=~"$job"';
/** The same, with the chosen models and recipes. */
export const LANES = `${PROCESSES}, model=~"$model", recipe=~"$recipe"`;

const VARIABLES = {
  namespace: 'label_values(dent_build_info, namespace)',
  job: 'label_values(dent_build_info{namespace=~"$namespace"}, job)',
  model: `label_values(dent_model_info{${PROCESSES}}, model)`,
  recipe: `label_values(dent_predictions_total{${PROCESSES}, model=~"$model"}, recipe)`,
};
export type VariableName = keyof typeof VARIABLES;

/** At first everything is chosen. Where a label does not exist, that is nothing. */
const variable = (name: VariableName): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(name)
    .datasource(DATASOURCE)
    .query({ query: VARIABLES[name], refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: ['All'], value: ['$__all'] });

/** Panels under one heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

export interface DashboardParts {
  /** Its name in addresses. Never changes. */
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  readonly variables: readonly VariableName[];
  readonly rows: readonly Row[];
}

/** A dashboard as Grafana reads it. */
export function dashboard({ uid, title, about, variables, rows }: DashboardParts): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(about)
    .tags([TAG])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('dent-serve')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('data source').type('prometheus'));
  for (const name of variables) builder.withVariable(variable(name));
  for (const { title: heading, panels } of rows) {
    builder.withRow(new RowBuilder(heading));
    for (const panel of panels) builder.withPanel(panel);
  }
  return number({ ...builder.build(), schemaVersion: SCHEMA_VERSION });
}

/** Grafana tells panels apart by number. */
function number(built: Dashboard): Dashboard {
  const panels = (built.panels ?? []).map((panel, i) => ({ ...panel, id: i + 1 }));
  return { ...built, panels };
}
