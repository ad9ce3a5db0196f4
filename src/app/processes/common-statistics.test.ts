import { expect, it } from 'vitest';
import { createStatistics } from '../../inference/statistics.ts';
import type { DescribedVersion } from '../../models/model.ts';
import type { Ask } from './calls.ts';
import { createCommonStatistics } from './common-statistics.ts';
import type { ApiCalls } from './protocol.ts';

const versionOf = (content: string) => ({ name: 'digits', version: 1, content }) as DescribedVersion;

/** The models of the primary process, and API processes that count. */
function open() {
  const serving = new Map([['a', versionOf('a')]]);
  const common = createCommonStatistics({
    describe: (content) => serving.get(content),
    contents: () => [...serving.keys()],
  });

  function join() {
    const own = createStatistics();
    const version = versionOf('a');
    const process = {
      answers: true,
      // As they cross: clones.
      counts: () => structuredClone([{ content: 'a', statistics: own.of(version) }]),
      fail: (times: number) => Array.from({ length: times }, () => own.failed(version, 2)),
    };
    const ask = (async () => {
      if (!process.answers) throw new Error('The other process is gone.');
      return process.counts()[0]!.statistics;
    }) as unknown as Ask<ApiCalls>;
    common.join(ask);
    return { ...process, ask, dies: () => common.leave(ask) };
  }
  const failures = async () => (await common.of('a'))?.fail.count;
  return { common, serving, join, failures };
}

it('adds up what processes count, also those that have ended', async () => {
  const { join, failures } = open();
  expect(await failures()).toBeUndefined();
  const [first, second] = [join(), join()];
  first.fail(3);
  second.fail(4);
  expect(await failures()).toBe(7);
  first.dies();
  expect(await failures()).toBe(7);
  const third = join();
  third.fail(2);
  expect(await failures()).toBe(9);
  third.dies();
  second.dies();
  expect(await failures()).toBe(9);
});

it('has what a process told of itself before it ended', async () => {
  const { common, join, failures } = open();
  const process = join();
  process.fail(5);
  common.told(process.ask, process.counts());
  process.dies();
  // An answer on its way when the process ended does not count twice.
  common.told(process.ask, process.counts());
  expect(await failures()).toBe(5);
});

it('begins again with a version that is loaded again, and knows nothing of one that is gone', async () => {
  const { serving, join, failures } = open();
  const process = join();
  process.fail(5);
  expect(await failures()).toBe(5);
  process.dies();
  serving.set('a', versionOf('a'));
  expect(await failures()).toBeUndefined();
  join().fail(1);
  expect(await failures()).toBe(1);
  serving.delete('a');
  expect(await failures()).toBeUndefined();
});
