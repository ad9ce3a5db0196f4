import { expect, it } from 'vitest';
import { classNames } from './class-names.ts';

it.each<[string, Record<string, string>, string[]]>([
  [
    "Python's dictionary",
    { names: `{0: 'tench', 1: "it's", 2: 'a \\'b\\', c'}` },
    ['tench', "it's", "a 'b', c"],
  ],
  ['a dictionary out of order', { id2label: '{"2": "c", "0": "a", "1": "b"}' }, ['a', 'b', 'c']],
  ['a list of JSON', { classes: '["cat", "dog, small", "say \\"hi\\""]' }, ['cat', 'dog, small', 'say "hi"']],
  ["Python's list", { Class_Names: "['cat', 'dog', 'cow']" }, ['cat', 'dog', 'cow']],
  ['lines', { labels: 'cat\ndog\nguinea pig, white\n' }, ['cat', 'dog', 'guinea pig, white']],
  ['commas', { labels: 'cat, dog,cow' }, ['cat', 'dog', 'cow']],
])('reads %s', (_, metadata, names) => {
  expect(classNames({ metadata: { task: 'classify', ...metadata }, classes: 3 })).toEqual(names);
});

it.each<[string, Record<string, string>]>([
  ['no names', { author: 'a, b, c' }],
  ['too few', { names: "['cat', 'dog']" }],
  ['a gap', { names: "{0: 'a', 2: 'c'}" }],
  ['numbers far beyond the classes', { names: "{0: 'a', 1: 'b', 999999999: 'c'}" }],
  ['an empty name', { labels: 'cat,,cow' }],
  ['a dictionary of objects', { names: '{"a": {"b": 1}}' }],
])('gives none where there are %s', (_, metadata) => {
  expect(classNames({ metadata, classes: 3 })).toBeUndefined();
});

it('takes names that the file pairs with its probabilities before those in its metadata', () => {
  const metadata = { names: "['a', 'b']" };
  expect(classNames({ metadata, classNames: ['cat', 'dog'], classes: 2 })).toEqual(['cat', 'dog']);
  for (const paired of [
    ['cat', 'dog', 'cow'],
    ['cat', ' '],
  ])
    expect(classNames({ metadata, classNames: paired, classes: 2 })).toEqual(['a', 'b']);
});
