import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { BatchOutcome, BatchRun } from '../../inference/index.ts';
import { logBatches } from './batch-log.ts';

const OUTCOME: BatchOutcome = {
  applied: 'isolated',
  steps: 6,
  meanSteps: 2.345_678,
  staticEntropy: 1.234_567,
  adaptedEntropy: 0.345_678,
  labelsChanged: 1,
  diverged: 0,
  failed: 0,
};
const RUN = {
  batch: 'b-1',
  model: 'digits:1',
  recipe: 'isolated',
  reason: 'full',
  rows: 8,
  seconds: 0.123_46,
  engines: [42, 43],
} as const;

function logged(run: BatchRun): Record<string, unknown> {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  logBatches(pino({ base: null, timestamp: false }, sink))(run);
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!);
}

const [INFO, WARN] = [30, 40];

test('a batch is one line with its names, its time and what adaptation did', () => {
  const { seconds: _, ...names } = RUN;
  expect(logged({ ...RUN, outcome: OUTCOME })).toEqual({
    level: INFO,
    msg: 'batch',
    ...names,
    ...OUTCOME,
    ms: 123.5,
    meanSteps: 2.3457,
    staticEntropy: 1.2346,
    adaptedEntropy: 0.3457,
  });
});

test('a batch of which something went wrong is a warning', () => {
  const { staticEntropy, adaptedEntropy, ...rest } = OUTCOME;
  expect(logged({ ...RUN, outcome: { ...OUTCOME, diverged: 2 } })).toMatchObject({
    level: WARN,
    diverged: 2,
  });
  expect(logged({ ...RUN, outcome: { ...rest, failed: 8 } })).toMatchObject({ level: WARN, failed: 8 });
  expect(logged(RUN)).toMatchObject({ level: WARN, msg: 'a batch failed', batch: 'b-1' });
});
