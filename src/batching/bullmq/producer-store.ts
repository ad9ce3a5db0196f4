import type { KeptResult, LaneLimits, LaneStatus, RowRequest } from '../batch-queue.ts';
import { type LaneDepth, laneKey } from '../collector.ts';
import type { Backlog } from '../forecast.ts';
import { DEFAULT_PRIORITY } from '../policy.ts';
import { rejectionError } from '../rejection-error.ts';
import type { RunSums } from '../run-time.ts';
import type { RedisClient } from './connection.ts';
import { PRODUCER_SCRIPTS } from './lua/producer-scripts.ts';
import { defineScripts } from './scripts.ts';
import { decodeKept, decodeOutcome, encodeRow, type Outcome, parseLane } from './wire.ts';

export type Acceptance =
  | { readonly state: 'accepted' | 'attached' | 'full' }
  | { readonly state: 'answered'; readonly outcome: Outcome };

/** What a row is sent with beside itself. */
export interface Ticket {
  /** See `laneName`. */
  readonly lane: string;
  readonly content: string;
  readonly limits: LaneLimits;
  /** Until the deadline: Redis has a clock of its own. */
  readonly leftMs: number;
  /** The producer that waits, or '' where nobody does. */
  readonly replyTo: string;
}

/** What of Redis a producer needs. Every call rejects where Redis does not answer. */
export interface ProducerStore {
  submit(request: RowRequest, ticket: Ticket): Promise<Acceptance>;
  withdraw(lane: string, id: string, replyTo: string): Promise<void>;
  /** Starts the next batches of these lanes without waiting for company. */
  drain(lanes: readonly string[]): Promise<void>;
  /** For each id its outcome, or whether it may still have one. */
  recheck(ids: readonly string[]): Promise<readonly (Outcome | 'alive' | 'lost')[]>;
  result(id: string): Promise<KeptResult | undefined>;
  survey(): Promise<{ readonly backlog: Backlog; readonly status: readonly LaneStatus[] }>;
}

/** A lane of several contents is told as one. */
function parseLanes(values: readonly (string | number)[]): (LaneDepth & LaneStatus)[] {
  const lanes = new Map<string, LaneDepth & LaneStatus>();
  for (let i = 0; i < values.length; i += 4) {
    const lane = parseLane(String(values[i]));
    const other = lanes.get(laneKey(lane));
    lanes.set(laneKey(lane), {
      lane,
      depth: Number(values[i + 1]) + (other?.depth ?? 0),
      oldestAgeMs: Math.max(Number(values[i + 2]), other?.oldestAgeMs ?? 0),
      maxBatchSize: Number(values[i + 3]),
    });
  }
  return [...lanes.values()];
}

function parseRuns(entries: readonly string[]): Map<string, RunSums> {
  const runs = new Map<string, RunSums>();
  for (let i = 0; i < entries.length; i += 2) {
    const [count, rows, ms, rowsRows, rowsMs] = entries[i + 1]!.split(' ').map(Number);
    runs.set(entries[i]!, { count: count!, rows: rows!, ms: ms!, rowsRows: rowsRows!, rowsMs: rowsMs! });
  }
  return runs;
}

export function createProducerStore(client: RedisClient, base: string): ProducerStore {
  const scripts = defineScripts(client, base, PRODUCER_SCRIPTS);

  return {
    async submit(request, { lane: name, content, limits, leftMs, replyTo }) {
      const { id, lane, priority = DEFAULT_PRIORITY, keep } = request;
      const [state, outcome] = (await scripts.dentSubmit.bytes(
        name,
        content,
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
      )) as [Buffer, Buffer?];
      const word = state.toString() as Acceptance['state'];
      return word === 'answered' ? { state: word, outcome: decodeOutcome(outcome!) } : { state: word };
    },

    async withdraw(lane, id, replyTo) {
      await scripts.dentWithdraw.text(lane, `${replyTo}:${id}`);
    },

    async drain(lanes) {
      await scripts.dentDrain.text(...lanes);
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

    async survey() {
      const reply = (await scripts.dentSurvey.text()) as [number, number, (string | number)[], string[]];
      const [engines, running, values, runs] = reply;
      const lanes = parseLanes(values);
      const backlog = { lanes, running, engines: Math.max(engines, 1), runs: parseRuns(runs) };
      return { backlog, status: lanes };
    },
  };
}
