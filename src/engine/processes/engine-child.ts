import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import type { Writable } from 'node:stream';
import { DeviceError, InputError } from '../../errors.ts';
import { RunError } from '../run-error.ts';
import { FEEDS_FD, READS_AHEAD, withoutFeedData, writeFeedData } from './feed-pipe.ts';
import type { Reply, Request, Results } from './messages.ts';

const ERRORS = { input: InputError, device: DeviceError, run: RunError } as const;

/** The child died during a request. `reason` completes the sentence "the process …". */
export class ChildLost extends Error {
  readonly reason: string;
  /** Whether the request was the one that the child worked on, and not one that waited in it. */
  readonly begun: boolean;

  constructor(reason: string, begun = true) {
    super(`The process ${reason}.`);
    this.name = 'ChildLost';
    this.reason = reason;
    this.begun = begun;
  }
}

/** How a child process came to its end. */
export interface ChildEnd {
  /** Completes the sentence "the process …". */
  readonly reason: string;
  /** `closed`: we let go of it. `timeout`: it was killed because it took too long. */
  readonly kind: 'closed' | 'timeout' | 'crash';
}

/** One child process. It works on one request at a time, in their order. */
export interface EngineChild {
  /** Absent where the system refused to start the process. */
  readonly pid: number | undefined;
  readonly alive: boolean;
  /** Resolves when the child takes requests. Rejects with `ChildLost`. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  /**
   * Rejects with `InputError` or `RunError` where the child says so. Rejects with `ChildLost` where the child
   * dies, or takes longer than `limitMs` from when it begins and is killed. `onBegin` hears when that is.
   */
  request<R extends Request>(request: R, limitMs: number, onBegin?: () => void): Promise<Results[R['kind']]>;
  /** Ends the process. An idle child leaves by itself; a busy one is killed. */
  end(): Promise<void>;
}

/** Importing ONNX Runtime takes a tenth of a second. A slower machine than this limit is of no use. */
const START_LIMIT_MS = 30_000;
/** How long an idle child may take to leave. */
const LEAVE_LIMIT_MS = 1_000;

/**
 * A pass uses more memory than a core's table of 4 KiB pages reaches. With huge pages adaptation is 1 to 2 %
 * faster. The C library asks for them (glibc from 2.35 on; others ignore it), and the system gives them where
 * it has transparent huge pages.
 */
const FASTER_MEMORY = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };
/** Otherwise ONNX Runtime collects usage events in the temporary folder, to send them home. */
const NO_TELEMETRY = { ORT_DISABLE_TELEMETRY: '1' };

interface Exchange {
  readonly limitMs: number;
  readonly onBegin: (() => void) | undefined;
  timer?: NodeJS.Timeout;
  resolve(reply: Reply): void;
  reject(error: ChildLost): void;
}

export interface ForkOptions {
  /** What the child runs. It speaks the protocol of messages.ts. */
  readonly module: URL;
  /** What its environment has beside ours. */
  readonly env: Readonly<Record<string, string>>;
  /** How many requests it is sent at a time. It reads the feeds of the second while it works on the first. */
  readonly requests: 1 | 2;
}

/** Starts a child process. */
export function forkChild({ module, env, requests }: ForkOptions): EngineChild {
  const child = fork(module, requests > 1 ? [READS_AHEAD] : [], {
    // Typed arrays cross as their bytes (of a view, its own bytes alone), not as JSON.
    serialization: 'advanced',
    // Two processes cannot share a debugger's port.
    execArgv: [],
    // Dying native code writes its reason to stderr. stdout belongs to the parent's answers.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', 'pipe'],
    env: { ...FASTER_MEMORY, ...process.env, ...NO_TELEMETRY, ...env },
  });
  // Node gives a process no pipes at all where it could not be started for want of file descriptors.
  const stdio: typeof child.stdio | undefined = child.stdio;
  const feedPipe = stdio?.[FEEDS_FD] as Writable | undefined;
  // It breaks when the child dies, which `exit` reports.
  feedPipe?.on('error', () => {});
  let alive = true;
  let verdict: ChildEnd | undefined;
  /** The requests without a reply, in order. The child works on the first. */
  const exchanges: Exchange[] = [];
  let markEnded: (end: ChildEnd) => void;
  const ended = new Promise<ChildEnd>((resolve) => {
    markEnded = resolve;
  });

  function kill(end: ChildEnd): void {
    verdict ??= end;
    child.kill('SIGKILL');
  }
  function lose(reason: string): void {
    alive = false;
    const end = verdict ?? { reason, kind: 'crash' };
    markEnded(end);
    for (const [i, exchange] of exchanges.splice(0).entries()) {
      clearTimeout(exchange.timer);
      exchange.reject(new ChildLost(end.reason, i === 0));
    }
  }
  function startClock(): void {
    const [first] = exchanges;
    if (first === undefined) return;
    const { limitMs } = first;
    first.onBegin?.();
    first.timer = setTimeout(
      () => kill({ reason: `took longer than ${limitMs} ms`, kind: 'timeout' }),
      limitMs,
    );
  }
  child.on('message', (reply: Reply) => {
    const done = exchanges.shift();
    clearTimeout(done?.timer);
    startClock();
    done?.resolve(reply);
  });
  child.once('exit', (code, signal) =>
    lose(signal === null ? `exited with code ${code}` : `was killed by ${signal}`),
  );
  // A process that never began has no exit event.
  child.on('error', (error) => child.pid === undefined && lose(`could not be started (${error.message})`));

  function reply(limitMs: number, onBegin?: () => void): Promise<Reply> {
    assert(exchanges.length < requests, 'A child was asked too many things at a time. This is a bug.');
    return new Promise((resolve, reject) => {
      exchanges.push({ limitMs, onBegin, resolve, reject });
      if (exchanges.length === 1) startClock();
    });
  }

  async function ask<R extends Request>(
    request: R,
    limitMs: number,
    onBegin?: () => void,
  ): Promise<Results[R['kind']]> {
    if (!alive) throw new ChildLost((await ended).reason);
    writeFeedData(feedPipe!, request);
    // If the message cannot be sent, the channel is broken, and the process is useless without it.
    child.send(
      withoutFeedData(request),
      (error) => error && kill({ reason: 'could not be reached', kind: 'crash' }),
    );
    const answer = await reply(limitMs, onBegin);
    if (answer.kind === 'done') return answer.result as Results[R['kind']];
    throw new ERRORS[answer.fault](answer.message);
  }

  return {
    pid: child.pid,
    get alive() {
      return alive;
    },
    ready: reply(START_LIMIT_MS).then(() => undefined),
    ended,
    request: ask,
    async end() {
      verdict ??= { reason: 'was closed', kind: 'closed' };
      if (exchanges.length > 0 || !child.connected) child.kill('SIGKILL');
      else child.disconnect();
      // A thread of the child may be waiting for feeds, and the child for that thread.
      feedPipe?.destroy();
      const timer = setTimeout(() => child.kill('SIGKILL'), LEAVE_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
