import type { KeptResult, Lane, LaneLimits, LaneStatus, RowRequest } from '../../batch-queue.ts';
import type { Backlog } from '../../forecast.ts';
import { laneKey, parseLane } from '../../lane-key.ts';
import { DEFAULT_PRIORITY } from '../../policy.ts';
import { rejectionError } from '../../rejection-error.ts';
import type { RunSums } from '../../run-time.ts';
import type { RedisClient } from '../connection/connect.ts';
import { defineScripts } from '../scripts.ts';
import { decodeKept, decodeOutcome, encodeRow, type Outcome } from '../wire.ts';

const SCRIPTS = {
  dentSubmit: 'producer/submit.lua',
  dentWithdraw: 'producer/withdraw.lua',
  dentExpire: 'producer/expire.lua',
  dentDrain: 'producer/drain.lua',
  dentRecheck: 'producer/recheck.lua',
  dentResult: 'producer/result.lua',
  dentLeaveNote: 'producer/leave-note.lua',
  dentNote: 'producer/note.lua',
  dentHasWorker: 'producer/has-worker.lua',
  dentSurvey: 'producer/survey.lua',
  dentMemory: 'producer/memory.lua',
} as const;

export type Acceptance =
  | { readonly state: 'accepted' }
  | { readonly state: 'full' }
  /** A row of this id waits or runs already, until its deadline at the latest. */
  | { readonly state: 'attached'; readonly leftMs: number }
  | { readonly state: 'answered'; readonly outcome: Outcome };

/** The facts that a row is sent with. */
export interface Ticket {
  readonly limits: LaneLimits;
  /** Time until the deadline: Redis has a clock of its own. */
  readonly leftMs: number;
  /** The producer that waits. '' where none does. */
  readonly replyTo: string;
  /** How many outcomes of one owner are kept at a time. */
  readonly keptLimit: number;
}

/** The part of Redis that a producer needs. Every call rejects where Redis does not answer. */
export interface ProducerStore {
  submit(request: RowRequest, ticket: Ticket): Promise<Acceptance>;
  withdraw(request: RowRequest, replyTo: string): Promise<void>;
  /** Ends a kept row whose deadline has passed. */
  expire(request: RowRequest, replyTo: string): Promise<void>;
  /** Starts the next batches of these lanes without waiting for more rows. */
  drain(lanes: readonly Lane[]): Promise<void>;
  /** For each id its outcome, or whether it may still have one. */
  recheck(ids: readonly string[]): Promise<readonly (Outcome | 'alive' | 'lost')[]>;
  result(id: string): Promise<KeptResult | undefined>;
  leaveNote(name: string, text: string, ms: number): Promise<void>;
  note(name: string): Promise<string | undefined>;
  /** Whether a living worker has said that it can run this content. */
  hasWorker(content: string): Promise<boolean>;
  /** The memory section of INFO, from where the queue's keys are. */
  memory(): Promise<string>;
  survey(): Promise<{ readonly backlog: Backlog; readonly status: readonly LaneStatus[] }>;
}

function parseRuns(entries: readonly string[]): Map<string, RunSums> {
  const runs = new Map<string, RunSums>();
  for (let i = 0; i < entries.length; i += 2) {
    const [count, rows, ms, rowsRows, rowsMs, msMs] = entries[i + 1]!.split(' ').map(Number);
    runs.set(entries[i]!, {
      count: count!,
      rows: rows!,
      ms: ms!,
      rowsRows: rowsRows!,
      rowsMs: rowsMs!,
      msMs: msMs!,
    });
  }
  return runs;
}

export function createProducerStore(client: RedisClient, base: string): ProducerStore {
  const scripts = defineScripts(client, base, SCRIPTS);

  return {
    async submit(request, { limits, leftMs, replyTo, keptLimit }) {
      const { id, lane, priority = DEFAULT_PRIORITY, keep } = request;
      const [state, detail] = (await scripts.dentSubmit.bytes(
        laneKey(lane),
        lane.content,
        `${lane.model}:${lane.version}`,
        priority,
        `${replyTo}:${id}`,
        leftMs,
        encodeRow(request),
        limits.maxBatchSize,
        limits.maxDelayMs,
        limits.queueLimit,
        keep?.ms ?? '',
        keep?.memo ?? '',
        replyTo,
        keep?.owner ?? '',
        keptLimit,
      )) as [Buffer, Buffer?];
      const name = state.toString() as Acceptance['state'];
      if (name === 'answered') return { state: name, outcome: decodeOutcome(detail!) };
      return name === 'attached' ? { state: name, leftMs: Number(detail!.toString()) } : { state: name };
    },

    async withdraw({ id, lane }, replyTo) {
      await scripts.dentWithdraw.text(laneKey(lane), `${replyTo}:${id}`);
    },

    async expire({ id, lane }, replyTo) {
      await scripts.dentExpire.text(laneKey(lane), `${replyTo}:${id}`);
    },

    async drain(lanes) {
      await scripts.dentDrain.text(...lanes.map(laneKey));
    },

    async recheck(ids) {
      const found = (await scripts.dentRecheck.bytes(...ids)) as Buffer[];
      return found.map((bytes) => {
        const word = bytes.length <= 5 ? bytes.toString() : '';
        return word === 'alive' || word === 'lost' ? word : decodeOutcome(bytes);
      });
    },

    async result(id) {
      const found = (await scripts.dentResult.bytes(id)) as Buffer | null;
      return found ? decodeKept(found, () => rejectionError('timeout')) : undefined;
    },

    async leaveNote(name, text, ms) {
      await scripts.dentLeaveNote.text(name, text, ms);
    },

    note: async (name) => ((await scripts.dentNote.text(name)) as string | null) ?? undefined,

    hasWorker: async (content) => (await scripts.dentHasWorker.text(content)) === 1,

    memory: async () => (await scripts.dentMemory.text()) as string,

    async survey() {
      const reply = (await scripts.dentSurvey.text()) as [number, number, (string | number)[], string[]];
      const [engines, running, values, runs] = reply;
      const lanes = [];
      const status = [];
      for (let i = 0; i < values.length; i += 4) {
        const lane = parseLane(String(values[i]));
        const depth = Number(values[i + 1]);
        status.push({ lane, depth, oldestAgeMs: Number(values[i + 2]) });
        lanes.push({ lane, depth, maxBatchSize: Number(values[i + 3]) });
      }
      const backlog = { lanes, running, engines: Math.max(engines, 1), runs: parseRuns(runs) };
      return { backlog, status };
    },
  };
}
