import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** How a query selects one metric. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly values: readonly string[] }[];
}

/** The names in a query. */
export interface QueryNames {
  readonly selectors: readonly Selector[];
  /** Labels that it groups by or joins on. */
  readonly groupings: readonly string[];
}

/** Values that Grafana puts in place of its variables. Labels in strings may stay as they are. */
const INTERVALS: readonly (readonly [string, string])[] = [
  ['$__rate_interval', '5m'],
  ['$__range', '1h'],
];
export const fillIntervals = (expr: string): string =>
  INTERVALS.reduce((filled, [name, value]) => filled.replaceAll(name, value), expr);

/** The names in a query. Throws where it is no PromQL. */
export function namesOf(query: string): QueryNames {
  const expr = fillIntervals(query);
  const text = ({ from, to }: SyntaxNode): string => expr.slice(from, to);
  const selectors: Selector[] = [];
  const groupings: string[] = [];

  function readSelector(node: SyntaxNode): Selector {
    const matchers = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
      (each) => ({
        label: text(each.getChild('LabelName')!),
        values: text(each.getChild('StringLiteral')!).slice(1, -1).split('|'),
      }),
    );
    return { metric: text(node.getChild('Identifier')!), matchers };
  }

  parser.parse(expr).iterate({
    enter({ type, node }) {
      if (type.isError) throw new Error(`No PromQL at ${node.from}: ${expr}`);
      if (type.name === 'VectorSelector') selectors.push(readSelector(node));
      if (type.name === 'GroupingLabels') groupings.push(...node.getChildren('LabelName').map(text));
    },
  });
  return { selectors, groupings };
}
