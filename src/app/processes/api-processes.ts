import type { ChildProcess } from 'node:child_process';
import cluster, { type Worker } from 'node:cluster';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyBaseLogger } from 'fastify';
import type { Attended } from './attend.ts';
import { type Ask, connectCalls, type Handlers } from './calls.ts';
import { type IpcPort, ipcChannel } from './channel.ts';
import type { ApiCalls, PrimaryCalls } from './protocol.ts';
import { watchProcess } from './watch-process.ts';

// The compiled file, for src/ and dist/ alike: Node 20 cannot run TypeScript.
const PROGRAM = fileURLToPath(new URL('../../../dist/cli/api-process.js', import.meta.url));

/** A process that lived for this long is replaced at once; one that did not, later and later. */
const SOUND_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** How one API process is served, how to ask whether it works, and what to do once it is gone. */
export type AttendProcess = (process: Attended) => {
  readonly handlers: Handlers<PrimaryCalls>;
  readonly beat: () => Promise<void>;
  readonly gone: () => void;
};

export interface ApiProcesses {
  /** Where they listen. Rejects where one of the first ones cannot. */
  readonly listening: Promise<string>;
  /** How many listen now. */
  readonly count: () => number;
  /** Has each answer what it has accepted, and ends it. */
  close(drainDelayMs: number): Promise<void>;
}

export interface ApiProcessesDeps {
  readonly attend: AttendProcess;
  readonly log: FastifyBaseLogger;
  /** A process has ended that nobody closed. Another takes its place. */
  readonly onLost: () => void;
}

interface Running {
  readonly worker: Worker;
  readonly ask: Ask<ApiCalls>;
  readonly listening: Promise<string>;
  /** Completes the sentence "the process …". */
  readonly ended: Promise<string>;
}

/** The pause before a process takes the place of one that did not live long, for the nth time. */
export const pauseMs = (failures: number): number =>
  failures === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);

function fork(process: number, attend: AttendProcess): Running {
  const worker = cluster.fork();
  let onListening!: (url: string) => void;
  let onFailed!: (error: Error) => void;
  const listening = new Promise<string>((resolve, reject) => {
    onListening = resolve;
    onFailed = reject;
  });
  let attended!: ReturnType<AttendProcess>;
  const ask = connectCalls<ApiCalls, PrimaryCalls>(
    ipcChannel(worker.process as ChildProcess & IpcPort),
    (ask) => {
      attended = attend({ process, ask, onListening, onFailed });
      return attended.handlers;
    },
  );
  let hung: string | undefined;
  const stopWatching = watchProcess({
    started: listening,
    ask: () => attended.beat(),
    onHung(reason) {
      hung = `${reason} and was ended`;
      worker.process.kill('SIGKILL');
    },
  });
  const ended = new Promise<string>((resolve) => {
    worker.once('exit', (code, signal) =>
      resolve(hung ?? (signal ? `was killed by ${signal}` : `exited with code ${code}`)),
    );
    // A process that never began has no exit event.
    worker.on('error', (error) => {
      if (worker.process.pid === undefined) resolve(`could not be started (${error.message})`);
    });
  }).then((reason) => {
    stopWatching();
    onFailed(new Error(`API process ${process} ${reason} before it listened.`));
    attended.gone();
    return reason;
  });
  return { worker, ask, listening, ended };
}

async function end({ worker, ask, ended }: Running, drainDelayMs: number): Promise<void> {
  // One that dies meanwhile has nothing left to answer.
  await ask('close', drainDelayMs).catch(() => {});
  if (worker.isConnected()) worker.process.disconnect();
  await ended;
}

/** Keeps `count` API processes, which share a port. */
export function startApiProcesses({ attend, log, onLost }: ApiProcessesDeps, count: number): ApiProcesses {
  // Each process accepts by itself, one connection in a turn of its event loop. Dealt out by this process, a
  // connection is lost where it is handed to a process that is dying: its client would wait for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  // Typed arrays cross as their bytes, not as JSON.
  cluster.setupPrimary({ exec: PROGRAM, args: [], serialization: 'advanced' });
  const running = new Map<number, Running>();
  const listening = new Set<Running>();
  let closing: Promise<unknown> | undefined;
  /** Before, the end of one is the end of all. */
  let haveStarted = false;

  function start(process: number): Running {
    const one = fork(process, attend);
    running.set(process, one);
    one.listening.then(
      () => listening.add(one),
      () => {},
    );
    return one;
  }

  /** Resolves with the reason for its end, also where memory is short and the system refuses it at once. */
  async function replace(process: number): Promise<string> {
    try {
      return await endOf(process, start(process));
    } catch (error) {
      return `could not be started (${error instanceof Error ? error.message : error})`;
    }
  }

  async function endOf(process: number, one: Running): Promise<string> {
    const reason = await one.ended;
    running.delete(process);
    listening.delete(one);
    return reason;
  }

  async function keep(process: number, first: Running): Promise<void> {
    let failures = 0;
    let ended = endOf(process, first);
    for (;;) {
      const startedMs = performance.now();
      const reason = await ended;
      if (closing || !haveStarted) return;
      failures = performance.now() - startedMs < SOUND_MS ? failures + 1 : 0;
      onLost();
      log.error({ process, reason }, `API process ${process} ${reason}; another takes its place`);
      await pause(pauseMs(failures), undefined, { ref: false });
      if (closing) return;
      ended = replace(process);
    }
  }

  const firsts = Array.from({ length: count }, (_, i) => start(i + 1));
  const firstListening = Promise.all(firsts.map(({ listening }) => listening)).then(([url]) => url!);
  firstListening.then(
    () => {
      haveStarted = true;
    },
    () => {},
  );
  for (const [i, first] of firsts.entries()) void keep(i + 1, first);
  // Where this process is ended at once, one that hangs must not live on.
  process.once('exit', () => {
    for (const { worker } of running.values()) worker.process.kill('SIGKILL');
  });

  return {
    listening: firstListening,
    count: () => listening.size,
    async close(drainDelayMs) {
      closing ??= Promise.all(Array.from(running.values(), (one) => end(one, drainDelayMs)));
      await closing;
    },
  };
}
