import type { Limiter } from '../../access/index.ts';
import type { RowRequest } from '../../batching/batch-queue.ts';
import type { Config } from '../../config.ts';
import type { Playground } from '../../http/index.ts';
import type { Backend } from '../backend.ts';
import type { DeliveryObserver } from '../tracing.ts';
import type { Ask, Handlers } from './calls.ts';
import type { CommonMetrics } from './common-metrics.ts';
import type { CommonStatistics } from './common-statistics.ts';
import { errorOf } from './faults.ts';
import { type ApiCalls, type PrimaryCalls, sendResult } from './protocol.ts';
import type { ConnectionSpread } from './spread-connections.ts';
import type { StateFeed } from './state-feed.ts';

/** What the primary process has for its API processes. */
export interface Common {
  readonly config: Config;
  readonly backend: Backend;
  readonly limiter: Limiter;
  readonly feed: StateFeed;
  readonly page: CommonMetrics;
  readonly playground?: Playground | undefined;
  readonly statistics: CommonStatistics;
  readonly spread: ConnectionSpread;
  readonly delivery: DeliveryObserver;
}

/** One API process, as the primary process sees it. */
export interface Attended {
  readonly process: number;
  readonly ask: Ask<ApiCalls>;
  readonly onListening: (url: string) => void;
  readonly onFailed: (error: Error) => void;
}

/** A message's bytes lie in a larger block, which the row would keep in memory for as long as it waits. */
const ownBytes = <R extends RowRequest>(request: R): R => {
  const { type, data } = request.row;
  return {
    ...request,
    row: { type, data: data instanceof Float32Array ? new Float32Array(data) : new Uint8Array(data) },
  };
};

/** The places that the requests of one process take in the limits of their keys. */
function createTickets(limiter: Limiter) {
  const leaves = new Map<number, () => void>();
  let tickets = 0;
  return {
    async admit({ name, limits }: Parameters<PrimaryCalls['admit']>[0]): Promise<number> {
      const leave = await limiter.enter(name, limits);
      leaves.set(++tickets, leave);
      return tickets;
    },
    leave(ticket: number): void {
      leaves.get(ticket)?.();
      leaves.delete(ticket);
    },
    leaveAll(): void {
      for (const leave of leaves.values()) leave();
      leaves.clear();
    },
  };
}

/** What one API process may ask, and what to do once it is gone. */
export function attend(
  { config, backend, limiter, feed, page, playground, statistics, spread, delivery }: Common,
  { process, ask, onListening, onFailed }: Attended,
): { handlers: Handlers<PrimaryCalls>; beat: () => Promise<void>; gone: () => void } {
  const { models, queue } = backend;
  const tickets = createTickets(limiter);
  const handlers: Handlers<PrimaryCalls> = {
    enter() {
      page.join(ask);
      statistics.join(ask);
      return { config, process, state: feed.follow(ask), hasPlayground: playground !== undefined };
    },
    listening: onListening,
    failed: (fault) => onFailed(errorOf(fault)),
    submit: (request, signal) => queue.submit(ownBytes(request), signal),
    enqueue: (request) => queue.enqueue(ownBytes(request)),
    async result(id) {
      const result = await queue.result(id);
      return result && sendResult(result);
    },
    leaveNote: ({ name, text, ms }) => queue.leaveNote(name, text, ms),
    note: (name) => queue.note(name),
    status: () => queue.status(),
    async loadModel(name) {
      await models.loadModel(name);
      await feed.settle();
    },
    async unloadModel(name) {
      await models.unloadModel(name);
      await feed.settle();
    },
    admit: tickets.admit,
    leave: tickets.leave,
    charge: ({ name, limits, images }) => limiter.charge(name, limits, images),
    keepCallers: (names) => limiter.keep(names),
    metrics: () => page.text(),
    statistics: (content) => statistics.of(content),
    exported: (attempt) => delivery.exported(attempt),
    attack: (attack, signal) => playground!.attack({ ...attack, signal }),
  };
  return {
    handlers,
    async beat() {
      const counted = await ask('counted', undefined);
      page.told(ask, counted.metrics);
      statistics.told(ask, counted.statistics);
      spread.told(ask, counted.load);
    },
    gone() {
      page.leave(ask);
      statistics.leave(ask);
      spread.leave(ask);
      feed.unfollow(ask);
      tickets.leaveAll();
    },
  };
}
