import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'yaml';

const FOLDER = new URL('../helm/dent-serve/rules/', import.meta.url);

/** A rule as Prometheus reads it. */
export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Every rule of the chart. */
export async function readRules(): Promise<Rule[]> {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml'));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, FOLDER), 'utf8')));
  const groups = texts.flatMap((text) => (parse(text) as { groups: { rules: Rule[] }[] }).groups);
  return groups.flatMap(({ rules }) => rules);
}
