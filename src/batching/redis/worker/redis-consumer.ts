import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { BatchConsumer } from '../../batch-queue.ts';
import { type Consumer, createConsumer } from '../../consumer.ts';
import type { QueueObserver } from '../../queue-observer.ts';
import { disconnect, type RedisSettings } from '../connection/connect.ts';
import { type Link, type OnFault, watchLink } from '../connection/link.ts';
import { openClient } from '../connection/open-client.ts';
import { createAlarm } from './alarm.ts';
import { createBatchSource } from './batch-source.ts';
import type { HeldBatch } from './held-batch.ts';
import { runJob } from './run-job.ts';
import { openWakeCalls, type WakeCall } from './wake-calls.ts';
import { createWorkerStore } from './worker-store.ts';

/** Loading a batch of large images may take a while. */
const COMMAND_TIMEOUT_MS = 10_000;
const LOCK_MS = 2_000;
/** The pause before the next try after Redis has failed. */
const RETRY_MS = 250;

export interface RedisConsumerOptions {
  readonly redis: RedisSettings;
  /** The contents that this worker can run, asked each time. It leaves batches of other contents alone. */
  readonly contents: () => readonly string[];
  readonly observer?: QueueObserver;
  readonly onFault: OnFault;
  /**
   * How long a silent worker counts as alive. Another worker runs its batches one to two times later. If a
   * worker's event loop is blocked for longer, its batches run twice. 2 seconds by default.
   */
  readonly lockMs?: number;
}

export interface RedisConsumer extends BatchConsumer, Link {
  /**
   * Tells the producers at once what `contents` returns now. Otherwise they would notice within a few
   * seconds.
   */
  announce(): void;
  /**
   * Whether rows of this content wait, or are in a batch of any worker. Rejects where Redis does not answer.
   */
  isAwaited(content: string): Promise<boolean>;
}

/**
 * The side of a queue in Redis that has an engine. Connects by itself, and again after every loss. Throws
 * `InputError` where the URL is invalid.
 */
export function createRedisConsumer(options: RedisConsumerOptions): RedisConsumer {
  const { redis, contents, observer, onFault, lockMs = LOCK_MS } = options;
  const { address, base, name, client, refusals, checkRights } = openClient({
    redis,
    onFault,
    timeoutMs: COMMAND_TIMEOUT_MS,
    evenWhenFull: true,
  });
  const me = randomUUID();
  const store = createWorkerStore(client, base);
  const alarm = createAlarm(() => void pump());
  const onDue = (inMs: number): void => {
    if (!stopping) alarm.setIn(inMs);
  };
  const source = createBatchSource({
    client,
    store,
    contents,
    prefix: `${base}jobs`,
    lockMs,
    onDue,
    onFault,
  });
  let consumer: Consumer | undefined;
  /** Batches that the handler was given, and those whose answers are on their way to Redis. */
  let unsettled = 0;
  /** A full batch for the next free engine, loaded while all are busy. */
  let ready: HeldBatch | undefined;
  /** Rows withdrawn since the taken or the ready batch was claimed. */
  const withdrawn = new Set<string>();
  let pumping = false;
  let pumpAgain = false;
  let stopping = false;
  let closing: Promise<void> | undefined;
  let onIdle: (() => void) | undefined;
  const tending = setInterval(tend, lockMs / 2);

  const link = watchLink(client, {
    name,
    onFault,
    onUp: () => void pump(),
    probe: () => client.exists(`${base}lanes`),
    refusals,
    checkRights,
  });
  const wakeCalls = openWakeCalls(address, {
    channel: `${base}wake`,
    onCall,
    onUp: () => void pump(),
    refusals,
  });

  function onCall(call: WakeCall): void {
    if (call.kind === 'gone') {
      if (pumping || ready) withdrawn.add(call.id);
      return;
    }
    if (!contents().includes(call.content)) return;
    if (call.kind === 'job') source.jobWaits(call.content);
    if (call.kind === 'due') onDue(call.inMs);
    else void pump();
  }

  /** Starts what may start. Only one runs at a time, however often it is called. Never rejects. */
  async function pump(): Promise<void> {
    pumpAgain = true;
    if (pumping) return;
    pumping = true;
    while (pumpAgain) {
      pumpAgain = false;
      if (!consumer || stopping || !link.isUp()) continue;
      try {
        await fill(consumer);
      } catch (error) {
        // While Redis cannot be reached nothing can be taken, and the connection reports when it is back.
        if (link.isUp()) onFault(error, 'taking a batch');
        onDue(RETRY_MS);
      }
    }
    pumping = false;
    if (!ready) withdrawn.clear();
    if (unsettled === 0) onIdle?.();
  }

  async function fill(to: Consumer): Promise<void> {
    const { concurrency, ahead, clock } = to;
    while (!stopping && clock.handed < concurrency) {
      const held = ready ?? (await source.take());
      ready = undefined;
      if (!held) return;
      if (stopping) return source.release(held);
      void run(held, to);
      withdrawn.clear();
    }
    if (!stopping && !ready) ready = await source.takeAhead();
    while (!stopping && ready && clock.handed < concurrency + ahead) {
      void run(ready, to);
      withdrawn.clear();
      ready = await source.takeAhead();
    }
  }

  async function run(held: HeldBatch, { handler, clock }: Consumer): Promise<void> {
    unsettled += 1;
    let markBegun = (): void => {};
    const begun = new Promise<void>((resolve) => {
      markBegun = resolve;
    });
    const end = clock.start(markBegun);
    let engineMs: number | undefined;
    // The engine need not wait until the answers are in Redis.
    const free = (): number => {
      if (engineMs === undefined) {
        engineMs = end();
        void pump();
      }
      return engineMs;
    };
    try {
      const isWithdrawn = (id: string): boolean => withdrawn.has(id);
      await runJob({ store, source, handler, observer, onFault, begun, onRun: free, isWithdrawn }, held);
    } catch (error) {
      onFault(error, 'running a batch');
      await source.release(held);
    }
    unsettled -= 1;
    free();
    void pump();
  }

  /**
   * Reports that this worker lives and what it can run, and gives new jobs to batches that have lost theirs.
   */
  async function tend(): Promise<void> {
    if (!consumer || stopping || !link.isUp()) return;
    try {
      const orphans = await store.tend(me, consumer.concurrency, contents(), 2 * lockMs, 2 * lockMs);
      for (const { content, batch } of orphans) {
        if (contents().includes(content)) await source.addJob(content, batch);
      }
      await source.tidy();
    } catch (error) {
      if (link.isUp()) onFault(error, 'looking after the queue');
    }
  }

  async function close(): Promise<void> {
    stopping = true;
    alarm.clear();
    clearInterval(tending);
    await new Promise<void>((resolve) => {
      onIdle = resolve;
      void pump();
    });
    if (ready) await source.release(ready);
    if (consumer && link.isUp()) await store.retire(me, consumer.concurrency).catch(() => {});
    await source.close();
    await wakeCalls.close();
    await disconnect(client);
  }

  return {
    isUp: () => wakeCalls.isUp() && link.unreadyReasons().length === 0,
    unreadyReasons: link.unreadyReasons,
    announce: () => void tend(),
    isAwaited: (content) => store.isAwaited(content),

    consume(handler, how) {
      assert(!consumer, 'The queue has a consumer already. This is a bug.');
      consumer = createConsumer(handler, how);
      void tend();
      void pump();
    },

    close() {
      closing ??= close();
      return closing;
    },
  };
}
