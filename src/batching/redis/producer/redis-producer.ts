import { randomBytes } from 'node:crypto';
import { ServiceError } from '../../../errors.ts';
import type { BatchProducer, Lane, LaneLimits, RowRequest } from '../../batch-queue.ts';
import { roomInSeconds } from '../../forecast.ts';
import type { QueueObserver, RowRejection } from '../../queue-observer.ts';
import { rejectionError } from '../../rejection-error.ts';
import { disconnect, type RedisSettings } from '../connection/connect.ts';
import { type Link, type OnFault, unavailable, watchLink } from '../connection/link.ts';
import { openClient } from '../connection/open-client.ts';
import { createBacklogView } from './backlog-view.ts';
import { createByteGate } from './byte-gate.ts';
import { createLostReplies } from './lost-replies.ts';
import { createMemoryRoom, isOutOfMemory } from './memory-room.ts';
import { type Acceptance, createProducerStore } from './producer-store.ts';
import { openReplyInbox } from './reply-inbox.ts';
import { createWaiters, type Waiter } from './waiters.ts';

const COMMAND_TIMEOUT_MS = 3_000;
/**
 * Bytes of rows that are sent and not yet accepted. More would wait in the socket, where their time-out runs
 * and they hold up everything else.
 */
const SENDING_BYTES = 8 * 1024 ** 2;
/** Outcomes of one owner that are kept at a time: up to 80 MB for a model of a thousand classes. */
const KEPT_LIMIT = 10_000;

export interface RedisProducerOptions {
  readonly redis: RedisSettings;
  /**
   * Called for each row, so that a changed manifest takes effect at once. An error that it throws rejects the
   * row.
   */
  readonly limitsOf: (lane: Lane) => LaneLimits;
  readonly observer?: QueueObserver;
  readonly onFault: OnFault;
  /** Outcomes of one owner that are kept at a time. */
  readonly keptLimit?: number;
}

export interface RedisProducer extends BatchProducer, Link {
  /** The error for any row now, where callers can be told more than that the queue cannot be used. */
  refusal(): ServiceError | undefined;
  /** Whether a living worker can run this content. Rejects where Redis does not answer. */
  hasWorker(content: string): Promise<boolean>;
}

/** A row that is to be sent. */
interface Sending {
  readonly request: RowRequest;
  readonly limits: LaneLimits;
  /** The list that its answer comes to; empty where nobody waits for it here. */
  readonly replyTo: string;
  readonly waiter?: Waiter;
}

/** The acceptance of a row that was not refused. */
type Taken = Exclude<Acceptance, { readonly state: 'full' }>;

const noRoom = (): ServiceError =>
  new ServiceError('queue_unavailable', 'The queue has no room: its Redis is nearly out of memory.', {
    retryAfterSeconds: 2,
  });

/**
 * The side of a queue in Redis that has rows. Connects by itself, and again after every loss; until then rows
 * are refused with `queue_unavailable`. Throws `InputError` where the URL is invalid.
 */
export function createRedisProducer(options: RedisProducerOptions): RedisProducer {
  const { redis, limitsOf, observer, onFault, keptLimit = KEPT_LIMIT } = options;
  const { address, base, name, client, refusals, checkRights } = openClient({
    redis,
    onFault,
    timeoutMs: COMMAND_TIMEOUT_MS,
    evenWhenFull: false,
  });
  /**
   * Replies come to a list with this name. Each process has a new one: a process that dies takes its replies
   * along.
   */
  const me = randomBytes(9).toString('base64url');
  const store = createProducerStore(client, base);
  const room = createMemoryRoom(
    () => store.memory(),
    (reason) => onFault(new Error(reason), 'making room for rows'),
  );
  const backlog = createBacklogView(() => store.survey());
  const gate = createByteGate(SENDING_BYTES);
  const waiters = createWaiters({ onGivenUp });
  const lostReplies = createLostReplies({ store, waiters, giveUp, isUp: () => link.isUp(), onFault });
  let closing: Promise<void> | undefined;

  const link = watchLink(client, {
    name,
    onFault,
    onUp: () => {
      void lostReplies.ask();
      void backlog.refresh();
      void room.refresh();
    },
    probe: () => Promise.all([lostReplies.probe(), room.refresh()]),
    refusals,
    checkRights,
  });
  const inbox = openReplyInbox(address, {
    key: `${base}reply:${me}`,
    onOutcome: waiters.settle,
    onUp: () => void lostReplies.ask(),
    onFault,
    refusals,
  });

  function giveUp(id: string): void {
    for (const waiter of waiters.of(id)) {
      // The earlier row met its deadline.
      if (waiter.state === 'attached') dispatch(waiter);
      else reject(waiter, rejectionError('queue_unavailable', 1));
    }
  }

  /** Rejects and counts a row, unless it was given up already. */
  function reject(waiter: Waiter, error: ServiceError): void {
    const { request, pending } = waiter;
    if (!waiters.has(waiter)) return;
    observer?.rejected(request.lane, error.code as RowRejection);
    pending.reject(error);
  }

  function refused(lane: Lane, reason: RowRejection, retryAfterSeconds?: number): ServiceError {
    observer?.rejected(lane, reason);
    return rejectionError(reason, retryAfterSeconds);
  }

  /** The limits that the row is sent with. Throws where it must not be sent. */
  function admit({ lane, row, deadlineMs }: RowRequest, signal?: AbortSignal): LaneLimits {
    if (closing) throw refused(lane, 'draining', 1);
    if (signal?.aborted) throw refused(lane, 'cancelled');
    const leftMs = deadlineMs - Date.now();
    if (leftMs <= 0) throw refused(lane, 'timeout');
    if (!link.isUp()) throw refused(lane, 'queue_unavailable', 1);
    if (!room.take(row.data.byteLength)) {
      observer?.rejected(lane, 'queue_unavailable');
      throw noRoom();
    }
    const limits = limitsOf(lane);
    const lateSeconds = backlog.tooLateBySeconds(lane, leftMs);
    if (lateSeconds !== undefined) throw refused(lane, 'queue_full', lateSeconds);
    return limits;
  }

  /**
   * Sends the row when the connection has room for it, unless its `waiter` has given up by then. Rejects with
   * `queue_unavailable`.
   */
  async function pass({ request, limits, replyTo, waiter }: Sending): Promise<Acceptance> {
    const { byteLength } = request.row.data;
    const turn = gate.enter(byteLength);
    if (turn) await turn;
    try {
      // A kept row may be asked for again.
      if (waiter && !request.keep && !waiters.has(waiter)) throw new Error('Nobody waits for the row.');
      if (!link.isUp()) throw new Error('The connection was lost before the row was sent.');
      const leftMs = Math.max(1, request.deadlineMs - Date.now());
      return await store.submit(request, { limits, leftMs, replyTo, keptLimit });
    } catch (cause) {
      withdraw(request);
      if (!isOutOfMemory(cause)) throw unavailable(cause);
      room.ranOut();
      throw noRoom();
    } finally {
      gate.leave(byteLength);
    }
  }

  /** Rejects with `queue_full` or `queue_unavailable`. */
  async function send(sending: Sending): Promise<Taken> {
    const { limits } = sending;
    const { lane } = sending.request;
    const acceptance = await pass(sending);
    if (acceptance.state === 'full') {
      const known = backlog.current();
      throw rejectionError('queue_full', known ? roomInSeconds(known, lane) : 1);
    }
    if (acceptance.state === 'accepted') backlog.added(lane, limits.maxBatchSize);
    return acceptance;
  }

  /**
   * Sends the row of a waiter. It sends it again where it waited for an earlier row with its id that met an
   * earlier deadline.
   */
  function dispatch(waiter: Waiter): void {
    const { request, limits, pending } = waiter;
    waiter.state = 'sent';
    send({ request, limits, replyTo: me, waiter }).then(
      (acceptance) => {
        if (acceptance.state === 'answered') return waiters.settle(acceptance.outcome);
        waiter.state = acceptance.state;
        if (acceptance.state !== 'attached') return;
        const timer = setTimeout(() => {
          if (waiter.state === 'attached') dispatch(waiter);
        }, Math.ceil(acceptance.leftMs));
        pending.promise.catch(() => {}).finally(() => clearTimeout(timer));
      },
      (error) => reject(waiter, error),
    );
  }

  function withdraw(request: RowRequest): void {
    // A kept row may be asked for again. The rest of any row is dropped at its deadline anyway.
    if (request.keep || !link.isUp()) return;
    store.withdraw(request, me).catch((error) => onFault(error, 'withdrawing a row'));
  }

  function expire({ request, state }: Waiter): void {
    if (!request.keep) withdraw(request);
    if (!request.keep || state !== 'accepted' || !link.isUp()) return;
    store.expire(request, me).catch((error) => onFault(error, 'ending a row'));
  }

  function onGivenUp(waiter: Waiter, reason: 'timeout' | 'cancelled'): void {
    observer?.rejected(waiter.request.lane, reason);
    if (reason === 'timeout') expire(waiter);
    else withdraw(waiter.request);
  }

  /** The answer of Redis. Rejects with `queue_unavailable`. */
  async function asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  async function close(): Promise<void> {
    const settled = waiters.whenNobodyWaits();
    const lanes = waiters.lanes();
    if (lanes.length > 0) store.drain(lanes).catch((error) => onFault(error, 'starting what waits'));
    await settled;
    await inbox.close();
    await disconnect(client);
  }

  function unreadyReasons(): readonly string[] {
    const full = room.reason();
    return full === undefined ? link.unreadyReasons() : [...link.unreadyReasons(), full];
  }

  return {
    isUp: () => inbox.isUp() && unreadyReasons().length === 0,
    unreadyReasons,
    refusal: () => (room.reason() === undefined ? undefined : noRoom()),
    hasWorker: (content) => store.hasWorker(content),

    submit(request, signal) {
      try {
        const limits = admit(request, signal);
        const waiter = waiters.add(request, limits, signal);
        dispatch(waiter);
        // The same promise that is settled. An async function would settle its own promise later, after
        // `close` resolved.
        return waiter.pending.promise;
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async enqueue(request) {
      await send({ request, limits: admit(request), replyTo: '' }).catch((error: ServiceError) => {
        observer?.rejected(request.lane, error.code as RowRejection);
        throw error;
      });
    },

    result: (id) => asked(store.result(id)),
    leaveNote: (name, text, ms) => asked(store.leaveNote(name, text, ms)),
    note: (name) => asked(store.note(name)),
    status: async () => (await asked(store.survey())).status,

    close() {
      closing ??= close();
      return closing;
    },
  };
}
