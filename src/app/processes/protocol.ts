import type { RateLimits } from '../../access/index.ts';
import type {
  Delivery,
  KeptRequest,
  KeptResult,
  LaneStatus,
  RowRequest,
} from '../../batching/batch-queue.ts';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { PlaygroundAttack } from '../../http/index.ts';
import type { VersionStatistics } from '../../inference/inference.ts';
import type { MetricsSnapshot } from '../../metrics/index.ts';
import type { ModelEntry } from '../../models/index.ts';
import type { DescribedVersion } from '../../models/model.ts';
import type { Export } from '../tracing.ts';
import { errorOf, type Fault, faultOf } from './faults.ts';

/** The state of the primary process that its API processes answer by. */
export interface SharedState {
  readonly defaultModel: string;
  readonly models: readonly ModelEntry<DescribedVersion>[];
  readonly isLoaded: boolean;
  /** What the queue says of itself. */
  readonly unreadyReasons: readonly string[];
  readonly refusal?: Fault & { readonly kind: 'service' };
  readonly warnings: readonly string[];
}

/** Everything that an API process needs for its start. */
export interface Start {
  readonly config: Config;
  /** From 1. */
  readonly process: number;
  readonly state: SharedState;
  readonly hasPlayground: boolean;
}

/** A kept row as it travels: errors need a form of their own. */
export type TravellingResult = { readonly memo: string } & (
  | { readonly delivery?: Delivery }
  | { readonly fault: Fault & { readonly kind: 'service' } }
);

export function sendResult({ memo, outcome }: KeptResult): TravellingResult {
  if (outcome === undefined) return { memo };
  if (!(outcome instanceof ServiceError)) return { memo, delivery: outcome };
  return { memo, fault: faultOf(outcome) as Fault & { kind: 'service' } };
}

export function receiveResult(result: TravellingResult): KeptResult {
  const { memo } = result;
  if ('fault' in result) return { memo, outcome: errorOf(result.fault) };
  return { memo, ...(result.delivery && { outcome: result.delivery }) };
}

/** What API processes ask of the primary process. */
export interface PrimaryCalls {
  /** The first call of a process. From now on it is told the state. */
  enter(): Start;
  listening(url: string): void;
  /** The process cannot start, and ends. */
  failed(fault: Fault): void;
  submit(row: RowRequest): Delivery;
  enqueue(row: KeptRequest): void;
  result(id: string): TravellingResult | undefined;
  leaveNote(note: { readonly name: string; readonly text: string; readonly ms: number }): void;
  note(name: string): string | undefined;
  status(): readonly LaneStatus[];
  loadModel(name: string): void;
  unloadModel(name: string): void;
  /** Counts a request of a key. `leave` with the returned number ends it. */
  admit(caller: { readonly name: string; readonly limits: RateLimits }): number;
  leave(ticket: number): void;
  charge(more: { readonly name: string; readonly limits: RateLimits; readonly images: number }): void;
  keepCallers(names: ReadonlySet<string>): void;
  /** Of all processes together, as are the statistics. */
  metrics(): string;
  /** Undefined where nobody has counted anything. */
  statistics(content: string): VersionStatistics | undefined;
  /** An attempt to deliver spans. */
  exported(attempt: Export): void;
  attack(attack: Omit<PlaygroundAttack, 'signal'>): Uint8Array;
}

/** What one process has counted of a version. */
export interface VersionCounts {
  readonly content: string;
  readonly statistics: VersionStatistics;
}

/** Since the last question. */
export interface ProcessLoad {
  /** Connections that had a request. */
  readonly active: number;
  /** The part of its time, from 0 to 1, that the event loop was busy. */
  readonly busy: number;
}

/** What an API process tells every second. The primary process keeps the counts, should that end. */
export interface Counted {
  readonly load: ProcessLoad;
  readonly metrics: MetricsSnapshot;
  readonly statistics: readonly VersionCounts[];
}

/** What the primary process asks of an API process. */
export interface ApiCalls {
  state(state: SharedState): void;
  /** Whether a request under way holds the version with this content. */
  holds(content: string): boolean;
  /** Asked again and again. A process that does not answer has hung. */
  counted(): Counted;
  metrics(): MetricsSnapshot;
  /** Ends so many connections, each with its next answer. */
  moveConnections(count: number): void;
  /** Undefined where the process does not know the content. */
  statistics(content: string): VersionStatistics | undefined;
  close(drainDelayMs: number): void;
}
