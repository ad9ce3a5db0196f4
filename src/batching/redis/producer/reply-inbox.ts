import { setTimeout as pause } from 'node:timers/promises';
import { connect, disconnect, type RedisAddress } from '../connection/connect.ts';
import type { OnFault } from '../connection/link.ts';
import type { Refusals } from '../connection/refusals.ts';
import { decodeOutcome, type Outcome } from '../wire.ts';

/** How long Redis holds an empty answer back. */
const BLOCK_SECONDS = 2;
/** A server that is silent for this long has vanished without closing the connection. */
const SILENCE_MS = 3 * BLOCK_SECONDS * 1000;
/** Replies fetched at a time, besides the one that woke us. */
const MORE = 512;
const RETRY_MS = 50;

/** Where the outcomes of one producer's rows arrive. */
export interface ReplyInbox {
  isUp(): boolean;
  close(): Promise<void>;
}

export interface ReplyInboxOptions {
  /** The list of the replies. */
  readonly key: string;
  readonly onOutcome: (outcome: Outcome) => void;
  /** The connection is up, for the first time or again. Replies may have been lost before. */
  readonly onUp: () => void;
  readonly onFault: OnFault;
  readonly refusals: Refusals;
}

/** Reads a producer's replies on a connection of its own, because waiting for them blocks it. */
export function openReplyInbox(address: RedisAddress, options: ReplyInboxOptions): ReplyInbox {
  const { key, onOutcome, onUp, onFault, refusals } = options;
  const client = connect(address, { timeoutMs: SILENCE_MS, blocking: true });
  refusals.watch(client);
  const aborter = new AbortController();
  // The connection for commands reports faults of the server.
  client.on('error', () => {});
  client.on('ready', onUp);

  function deliver(reply: Buffer): void {
    try {
      onOutcome(decodeOutcome(reply));
    } catch (error) {
      onFault(error, 'reading a reply');
    }
  }

  async function fetch(): Promise<void> {
    const woken = await client.blpopBuffer(key, BLOCK_SECONDS);
    if (!woken) return;
    deliver(woken[1]);
    for (const reply of (await client.lpopBuffer(key, MORE)) ?? []) deliver(reply);
  }

  async function read(): Promise<void> {
    while (!aborter.signal.aborted) {
      try {
        await fetch();
      } catch {
        await pause(RETRY_MS, undefined, { signal: aborter.signal }).catch(() => {});
      }
    }
  }

  const reading = read();
  return {
    isUp: () => client.status === 'ready',
    async close() {
      aborter.abort();
      await disconnect(client);
      await reading;
    },
  };
}
