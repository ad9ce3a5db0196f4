import { afterEach, expect, it, vi } from 'vitest';
import { channelPair } from '../../../test/fixtures/processes/channel-pair.ts';
import { ServiceError } from '../../errors.ts';
import type { ModelEntry } from '../../models/index.ts';
import type { DescribedVersion } from '../../models/model.ts';
import type { Backend } from '../backend.ts';
import { connectCalls } from './calls.ts';
import type { ApiCalls } from './protocol.ts';
import { openRemoteBackend } from './remote-backend.ts';
import { createStateFeed, type StateFeed } from './state-feed.ts';
import { watchPrimary } from './watch-primary.ts';

const versionOf = (content: string, timeoutMs = 1000) =>
  ({
    name: 'digits',
    version: 1,
    content,
    sha256: content,
    tensors: { images: 'input', logits: 'logits' },
    manifest: { batching: { timeoutMs } },
    // What only an engine's process has. It cannot be cloned.
    release: async () => {},
  }) as unknown as DescribedVersion;

const entryOf = (serving?: DescribedVersion) =>
  ({
    name: 'digits',
    isUnloaded: serving === undefined,
    versions: [serving ? { version: 1, state: 'ready', serving } : { version: 1, state: 'unloaded' }],
  }) as ModelEntry<DescribedVersion>;

let feed: StateFeed | undefined;
let close: (() => void) | undefined;
afterEach(() => {
  feed?.close();
  close?.();
});

/** The models of a primary process, and one API process that shows them. */
function open() {
  const entries = [entryOf(versionOf('a'))];
  const words = { reasons: [] as string[], refusal: undefined as ServiceError | undefined };
  const backend = {
    models: { defaultModel: 'digits', models: () => [...entries], isLoaded: () => true },
    queue: { unreadyReasons: () => words.reasons, refusal: () => words.refusal, warnings: () => [] },
  } as unknown as Backend;
  const opened = createStateFeed(backend);
  feed = opened;
  const pair = channelPair();
  close = pair.close;
  let remote: ReturnType<typeof openRemoteBackend> | undefined;
  const ask = connectCalls<ApiCalls, Record<never, never>>(pair.ends[0], () => ({}));
  connectCalls<never, ApiCalls>(pair.ends[1], () => ({
    state: (state) => remote!.show(state),
    holds: (content) => remote!.models.isHeld(content),
    counted: () => ({ load: { active: 0, busy: 0 }, metrics: [], statistics: [] }),
    metrics: () => [],
    moveConnections() {},
    statistics: () => undefined,
    close() {},
  }));
  remote = openRemoteBackend(undefined as never, watchPrimary(), structuredClone(opened.follow(ask)));
  return { entries, words, remote, feed: opened, ask };
}

it('shows the models as they change, and what the queue says', async () => {
  const { entries, words, remote, feed } = open();
  const first = remote.models.describe('a')!;
  expect(first).toEqual({ ...versionOf('a'), release: undefined });
  entries[0] = { ...entries[0]!, reason: 'The folder is gone.' };
  words.reasons = ['Redis is away.'];
  words.refusal = new ServiceError('not_ready', 'No worker.', { retryAfterSeconds: 5 });
  await feed.settle();
  expect(remote.models.model('digits')!.reason).toBe('The folder is gone.');
  expect(remote.queue.unreadyReasons!()).toEqual(['Redis is away.']);
  expect(remote.queue.refusal!()).toMatchObject({ code: 'not_ready', retryAfterSeconds: 5 });
  // The same object, by which its statistics are counted.
  expect(remote.models.describe('a')).toBe(first);
  entries[0] = entryOf(versionOf('a', 2000));
  await feed.settle();
  expect(remote.models.describe('a')!.manifest.batching.timeoutMs).toBe(2000);
});

it('shows changes by itself', async () => {
  const { words, remote } = open();
  words.reasons = ['Redis is away.'];
  await vi.waitFor(() => expect(remote.queue.unreadyReasons!()).toEqual(['Redis is away.']));
});

it('knows what a process still holds of a version that is not served any more', async () => {
  const { entries, remote, feed, ask } = open();
  expect(await feed.isHeld('a')).toBe(true);
  const holds = [remote.models.hold('a')!, remote.models.hold('a')!];
  entries[0] = entryOf();
  expect(await feed.isHeld('a')).toBe(true);
  expect(remote.models.models()).toMatchObject([{ isUnloaded: true }]);
  expect(remote.models.describe('a')).toBe(holds[0]!.version);
  holds[0]!.letGo();
  holds[0]!.letGo();
  expect(await feed.isHeld('a')).toBe(true);
  holds[1]!.letGo();
  expect(await feed.isHeld('a')).toBe(false);
  expect(remote.models.hold('a')).toBeUndefined();
  feed.unfollow(ask);
  expect(await feed.isHeld('b')).toBe(false);
});
