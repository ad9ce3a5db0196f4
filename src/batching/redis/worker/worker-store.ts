import type { Batch, BatchReason, Lane } from '../../batch-queue.ts';
import { laneKey, parseLane } from '../../lane-key.ts';
import type { RedisClient } from '../connection/connect.ts';
import { defineScripts } from '../scripts.ts';
import { decodeRow, encodeOutcome, type Outcome, type TravellingRow } from '../wire.ts';

const SCRIPTS = {
  dentClaim: 'worker/claim.lua',
  dentRead: 'worker/read.lua',
  dentStart: 'worker/start.lua',
  dentUnstart: 'worker/unstart.lua',
  dentSplit: 'worker/split.lua',
  dentSettle: 'worker/settle.lua',
  dentTend: 'worker/tend.lua',
  dentRetire: 'worker/retire.lua',
  dentAwaited: 'worker/awaited.lua',
  dentAnnounce: 'worker/announce.lua',
} as const;

/** Bytes loaded at a time. The renewal of locks must not wait until all of a large batch has come. */
const LOAD_BYTES = 8 * 1024 ** 2;

/** A row of a claimed batch; times on the clock of Redis. */
export interface ClaimedRow {
  /** Its name in the scripts: `producer:id`. */
  readonly member: string;
  readonly id: string;
  readonly acceptedMs: number;
  readonly deadlineMs: number;
}

export interface ClaimedBatch {
  readonly lane: Lane;
  readonly reason: BatchReason;
  readonly rows: readonly ClaimedRow[];
  /** Bytes of each row, as it is stored. */
  readonly rowBytes: number;
}

/** `batches`: how many batches of all workers are formed and not settled. */
export type Claim = { readonly batches: number } & (
  | {
      readonly content: string;
      readonly batch: ClaimedBatch;
      /** Redis's clock now, estimated from what is known here. */
      readonly redisNowMs: () => number;
    }
  | {
      /** When the next batch may start. Undefined where nothing waits. */
      readonly dueInMs: number | undefined;
    }
);

export interface Start {
  /** Starts of this batch that were never settled, including this one. */
  readonly runs: number;
  readonly nowMs: number;
  /** For each row, whether somebody still waits for it. */
  readonly alive: readonly boolean[];
}

/** The outcome of a row that this worker ran, and how long to keep it. */
export interface SettledRow {
  readonly row: ClaimedRow;
  readonly outcome: Outcome;
  readonly keepMs?: number | undefined;
}

/** The part of Redis that a worker needs besides the jobs. Every call rejects where Redis does not answer. */
export interface WorkerStore {
  /** Takes the batch to start now and names it `id`. `ahead`: only where another full batch remains. */
  claim(id: string, contents: readonly string[], ahead: boolean): Promise<Claim>;
  /** Undefined where the batch is settled or not needed any more. */
  read(id: string): Promise<ClaimedBatch | undefined>;
  /** Undefined in the place of a row that nobody waits for any more. */
  load(batch: ClaimedBatch): Promise<(TravellingRow | undefined)[]>;
  /** Undefined where the batch is settled or not needed any more. */
  start(id: string): Promise<Start | undefined>;
  unstart(id: string): Promise<void>;
  split(id: string, first: string, second: string): Promise<void>;
  /** `run` says how many rows took how long. Absent where nothing ran. */
  settle(
    batch: { readonly id: string; readonly lane: Lane },
    rows: readonly SettledRow[],
    run?: { key: string; rows: number; ms: number },
  ): Promise<void>;
  /**
   * Reports that this worker lives and what it can run. Returns the batches that may have lost their jobs.
   */
  tend(
    worker: string,
    concurrency: number,
    contents: readonly string[],
    lifeMs: number,
    orphanMs: number,
  ): Promise<{ batch: string; content: string }[]>;
  retire(worker: string, concurrency: number): Promise<void>;
  /** Whether rows of this content wait, or are in a batch of any worker. */
  isAwaited(content: string): Promise<boolean>;
  /** Tells the other workers that a job waits. */
  announce(content: string): Promise<void>;
}

function parseRow(line: string): ClaimedRow {
  const [member, accepted, deadline] = line.split(' ') as [string, string, string];
  const id = member.slice(member.indexOf(':') + 1);
  return { member, id, acceptedMs: Number(accepted), deadlineMs: Number(deadline) };
}

const parseBatch = (lane: string, reason: string, rows: string, rowBytes: number): ClaimedBatch => ({
  lane: parseLane(lane),
  reason: reason as Batch['reason'],
  rows: rows.split('\n').map(parseRow),
  rowBytes,
});

export function createWorkerStore(client: RedisClient, base: string): WorkerStore {
  const scripts = defineScripts(client, base, SCRIPTS);

  return {
    async claim(id, contents, ahead) {
      const claimed = await scripts.dentClaim.text(id, ahead ? 1 : 0, ...contents);
      const reply = claimed as [string, number] | [string, string, string, string, number, number, string];
      const repliedMs = performance.now();
      if (reply.length === 2) {
        const [due, batches] = reply;
        return { batches, dueInMs: due === '-1' ? undefined : Math.max(0, Number(due)) };
      }
      const [lane, content, reason, rows, rowBytes, batches, now] = reply;
      const redisNowMs = (): number => Number(now) + performance.now() - repliedMs;
      return { batches, content, batch: parseBatch(lane, reason, rows, rowBytes), redisNowMs };
    },

    async read(id) {
      const reply = (await scripts.dentRead.text(id)) as [string, string, string, number] | null;
      return reply ? parseBatch(...reply) : undefined;
    },

    async load({ rows, rowBytes }) {
      const keys = rows.map((row) => `${base}row:${row.id}`);
      const atOnce = Math.max(1, Math.floor(LOAD_BYTES / Math.max(1, rowBytes)));
      const loaded: (TravellingRow | undefined)[] = [];
      for (let from = 0; from < keys.length; from += atOnce) {
        const found = await client.mgetBuffer(keys.slice(from, from + atOnce));
        for (const bytes of found) loaded.push(bytes ? decodeRow(bytes) : undefined);
      }
      return loaded;
    },

    async start(id) {
      const reply = (await scripts.dentStart.text(id)) as [number, string, string] | null;
      if (!reply) return undefined;
      const [runs, now, alive] = reply;
      return { runs, nowMs: Number(now), alive: Array.from(alive, (flag) => flag === '1') };
    },

    async unstart(id) {
      await scripts.dentUnstart.text(id);
    },

    async split(id, first, second) {
      await scripts.dentSplit.text(id, first, second);
    },

    async settle({ id, lane }, rows, run) {
      await scripts.dentSettle.text(
        id,
        laneKey(lane),
        run?.key ?? '',
        run?.rows ?? 0,
        run?.ms ?? 0,
        ...rows.flatMap(({ row, outcome, keepMs }) => [row.member, keepMs ?? '', encodeOutcome(outcome)]),
      );
    },

    async tend(worker, concurrency, contents, lifeMs, orphanMs) {
      const found = (await scripts.dentTend.text(
        worker,
        concurrency,
        lifeMs,
        orphanMs,
        ...contents,
      )) as string[];
      return Array.from({ length: found.length / 2 }, (_, i) => ({
        batch: found[2 * i]!,
        content: found[2 * i + 1]!,
      }));
    },

    async retire(worker, concurrency) {
      await scripts.dentRetire.text(worker, concurrency);
    },

    isAwaited: async (content) => (await scripts.dentAwaited.text(content)) === 1,

    async announce(content) {
      await scripts.dentAnnounce.text(content);
    },
  };
}
