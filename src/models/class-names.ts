import type { Inspection } from '../dent/index.ts';

/** Names for a list of classes in a file's metadata, used by exporters and by people. */
const KEYS = [
  'names',
  'labels',
  'classes',
  'class_names',
  'class_labels',
  'label_names',
  'id2label',
  'categories',
];

/** Text in quotes, as JSON and Python write it. */
const QUOTED = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g;
const ENTRY = new RegExp(`["']?(\\d+)["']?\\s*:\\s*(?:${QUOTED.source})`, 'g');

const unquoted = (single: string | undefined, double: string | undefined): string =>
  (single ?? double ?? '').replaceAll(/\\(['"\\])/g, '$1');

/** `{0: 'tench', 1: "rock dove"}`, in the order of the numbers. The file may hold any numbers. */
function fromDictionary(text: string): string[] {
  const names = new Map<number, string>();
  for (const [, index, single, double] of text.matchAll(ENTRY))
    names.set(Number(index), unquoted(single, double));
  return Array.from({ length: names.size }, (_, index) => names.get(index) ?? '');
}

const fromList = (text: string): string[] =>
  Array.from(text.matchAll(QUOTED), ([, single, double]) => unquoted(single, double));

const fromText = (text: string): string[] => text.split(text.includes('\n') ? '\n' : ',');

function parse(text: string): string[] {
  if (text.startsWith('{')) return fromDictionary(text);
  return text.startsWith('[') ? fromList(text) : fromText(text);
}

/**
 * The names of the classes in a file: those that it pairs with its probabilities, or those in its metadata,
 * as JSON, as Python's repr (ultralytics), or separated by commas or line breaks. Undefined where there are
 * none, or not as many as the model has classes.
 */
export function classNames({
  metadata,
  classNames: paired,
  classes,
}: Pick<Inspection, 'metadata' | 'classNames' | 'classes'>): readonly string[] | undefined {
  if (paired && paired.length === classes && paired.every((name) => name.trim() !== '')) return paired;
  for (const [key, text] of Object.entries(metadata)) {
    if (!KEYS.includes(key.toLowerCase())) continue;
    const names = Array.from(parse(text.trim()), (name) => name.trim());
    if (names.length === classes && names.every((name) => name !== '')) return names;
  }
  return undefined;
}
