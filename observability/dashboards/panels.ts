import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMap,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder as HeatmapPanel,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StatePanel } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';

export const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

/** A query and what its series are called, such as `{{instance}}`. */
export type Query = readonly [legend: string, expr: string];

/** The text of every panel. */
export interface PanelText {
  readonly title: string;
  /** What it shows and when to worry; shown by the (i) in its corner. */
  readonly about: string;
  /** A unit of Grafana: `s`, `percentunit`, `reqps`, ... */
  readonly unit: string;
  /** Out of 24 columns. */
  readonly width: number;
}

/** The unit of entropies. */
export const NATS = 'suffix: nats';

/** The values from which on a number is yellow and red. Where more is better: below which. */
export interface Bounds {
  readonly warn: number;
  readonly bad: number;
}

const HEIGHT = 8;
const STAT_HEIGHT = 4;

interface CommonPanel {
  title(text: string): this;
  description(text: string): this;
  unit(unit: string): this;
  datasource(ref: typeof DATASOURCE): this;
  span(width: number): this;
  height(height: number): this;
  withTarget(target: Builder<Dataquery>): this;
}

function describe<P extends CommonPanel>(
  panel: P,
  { title, about, unit, width }: PanelText,
  height = HEIGHT,
): P {
  return panel.title(title).description(about).unit(unit).datasource(DATASOURCE).span(width).height(height);
}

const REFS = 'ABCDEFGHIJ';

/** Over the dashboard's range. Grafana chooses the interval. */
const overTime = ([legend, expr]: Query, i: number): DataqueryBuilder =>
  new DataqueryBuilder().refId(REFS[i]!).expr(expr).legendFormat(legend).range();

/** As it is now. */
const now = ([legend, expr]: Query, i: number): DataqueryBuilder =>
  new DataqueryBuilder().refId(REFS[i]!).expr(expr).legendFormat(legend).instant();

function thresholds({ warn, bad }: Bounds): ThresholdsConfigBuilder {
  const [good, middle, worst] = ['green', 'yellow', 'red'];
  const steps =
    warn <= bad
      ? [
          { value: null, color: good! },
          { value: warn, color: middle! },
          { value: bad, color: worst! },
        ]
      : [
          { value: null, color: worst! },
          { value: bad, color: middle! },
          { value: warn, color: good! },
        ];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

/** One number: the latest with its history, or one over the dashboard's whole range. */
export function stat(text: PanelText, expr: string, bounds?: Bounds): Builder<Panel> {
  const wholeRange = expr.includes('$__range');
  const panel = describe(new StatPanel(), text, STAT_HEIGHT)
    .graphMode(wholeRange ? BigValueGraphMode.None : BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .withTarget((wholeRange ? now : overTime)(['', expr], 0));
  return bounds ? panel.thresholds(thresholds(bounds)) : panel;
}

export interface LineOptions {
  /** Series add up to a whole. */
  readonly stacked?: boolean;
  /** For what spans several powers of ten. */
  readonly logarithmic?: boolean;
}

/** Lines over time. */
export function lines(
  text: PanelText,
  queries: readonly Query[],
  { stacked = false, logarithmic = false }: LineOptions = {},
): Builder<Panel> {
  const panel = describe(new TimeseriesPanel(), text)
    .drawStyle(GraphDrawStyle.Line)
    .showPoints(VisibilityMode.Never)
    .fillOpacity(stacked ? 30 : 8)
    .legend(new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.Table).calcs(['mean', 'lastNotNull']))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (logarithmic) {
    panel.scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(10));
  } else {
    panel.min(0);
  }
  return queries.reduce((built, query, i) => built.withTarget(overTime(query, i)), panel);
}

/** How the values of a histogram are distributed over time; `expr` keeps the label `le`. */
export function heatmap(text: PanelText, expr: string): Builder<Panel> {
  return describe(new HeatmapPanel(), text)
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').steps(64))
    .yAxis(new YAxisConfigBuilder().unit(text.unit))
    .withTarget(overTime(['{{le}}', expr], 0).format(PromQueryFormat.Heatmap));
}

const YES_OR_NO: ValueMap = {
  type: MappingType.ValueToText,
  options: { 0: { text: 'no', color: 'red', index: 0 }, 1: { text: 'yes', color: 'green', index: 1 } },
};

/** Since when something has had its state: 1 is well, 0 is not. */
export function states(text: PanelText, queries: readonly Query[]): Builder<Panel> {
  const panel = describe(new StatePanel(), text)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .mappings([YES_OR_NO]);
  return queries.reduce((built, query, i) => built.withTarget(overTime(query, i)), panel);
}

/** A column of a table: its heading, its unit and its query. */
export type Column = readonly [heading: string, unit: string, expr: string];

/** One line for each set of labels, with the latest values. The labels `hidden` are left out. */
export function table(
  text: Omit<PanelText, 'unit'>,
  columns: readonly Column[],
  hidden: readonly string[] = [],
): Builder<Panel> {
  // Grafana numbers the columns only where there are several.
  const names = columns.map(([heading], i) => [columns.length > 1 ? `Value #${REFS[i]}` : 'Value', heading]);
  const panel = describe(new TablePanel(), { ...text, unit: 'short' })
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: Object.fromEntries(['Time', ...hidden].map((name) => [name, true])),
        renameByName: Object.fromEntries(names),
      },
    });
  for (const [i, [heading, unit, expr]] of columns.entries()) {
    panel
      .withTarget(now(['', expr], i).format(PromQueryFormat.Table))
      .overrideByName(heading, [{ id: 'unit', value: unit }]);
  }
  return panel;
}
