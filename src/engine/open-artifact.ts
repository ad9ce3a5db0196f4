import { InputError } from '../errors.ts';
import { asPartOfThis, inSpan } from '../spans.ts';
import type { Tensor } from '../tensor.ts';
import { adaptInPasses, type Pass } from './adapt-in-passes.ts';
import { cutBatch, joinAnswers } from './batch-parts.ts';
import type { AdaptedRows, Artifact, Device, LoadedArtifact, OnProgress } from './engine.ts';
import type { EngineChild } from './engine-child.ts';
import type { PassRequest, RunRequest } from './messages.ts';
import type { ProcessPool } from './process-pool.ts';

/** Opening a model is bounded only so that a hung driver cannot hold a process for ever. */
export const OPEN_LIMIT_MS = 120_000;

/** An update, which is a forward and a backward pass, takes about three forward passes' time. */
const UPDATE = 3;
/** So many forward passes of a row make a message worth its while. */
const PASSES_PER_MESSAGE = 96;

/** How many rows to send to a child at once, in whole parts, where a row takes the time of so many forward passes. */
const rowsPerMessage = (rowsPerPart: number, passes: number): number =>
  rowsPerPart * Math.ceil(PASSES_PER_MESSAGE / (passes * rowsPerPart));

export interface OpenOptions {
  /** Names the sessions in the children; never used twice. */
  readonly id: number;
  readonly device: Device;
  readonly threads: number;
  /** The longest that one part of a batch may run. */
  readonly runTimeoutMs: number;
}

/**
 * Opens sessions of `artifact`, one with a single thread in every child where batches are split, otherwise one with all
 * `threads` in the first child. The children open theirs at the same time, so the model is in memory once for each.
 */
export async function openArtifact(
  pool: ProcessPool,
  artifact: Artifact,
  { id, device, threads, runTimeoutMs }: OpenOptions,
): Promise<LoadedArtifact> {
  const { carried, input, name, output, path } = artifact;
  const rowsPerPart = device === 'cpu' ? artifact.rowsPerPart : undefined;
  const split = rowsPerPart !== undefined;
  const places = split ? Array.from({ length: pool.size }, (_, place) => place) : [0];
  // A child that replaces a dead one is not among these, so its first job opens the session anew.
  const openIn = new WeakSet<EngineChild>();
  const calls = new Set<Promise<AdaptedRows>>();
  let released: Promise<void> | undefined;

  async function open(child: EngineChild): Promise<void> {
    if (openIn.has(child)) return;
    const sessionThreads = split ? 1 : threads;
    await child.request(
      {
        kind: 'load',
        id,
        name,
        path,
        input,
        output,
        isPass: carried !== undefined,
        device,
        threads: sessionThreads,
      },
      OPEN_LIMIT_MS,
    );
    openIn.add(child);
  }

  async function shut(child: EngineChild): Promise<void> {
    if (openIn.delete(child)) await child.request({ kind: 'release', id }, OPEN_LIMIT_MS);
  }

  /** Waits for all, and then rejects with the first failure if there was one. */
  async function inEachPlace(work: (child: EngineChild) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled(
      places.map((place) => pool.submit({ name: `"${name}"`, place, work })),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Has a child do one part of a call, as soon as one is free. */
  async function inChild<R extends RunRequest | PassRequest>(request: R, signal: AbortSignal) {
    return pool.submit({
      name: `"${name}"`,
      ...(!split && { place: 0 }),
      signal,
      work: asPartOfThis(async (child: EngineChild) => {
        await open(child);
        const pid = child.pid!;
        const answer = await inSpan(
          'engine',
          { 'dent.rows': request.rows.dims[0]!, 'dent.engine.pid': pid },
          () => child.request(request, runTimeoutMs),
        );
        return { answer, pid };
      }),
    });
  }

  async function adaptAtOnce(
    batch: Tensor<'float32'>,
    steps: number,
    onProgress: OnProgress,
    signal: AbortSignal,
  ): Promise<AdaptedRows> {
    let rowsDone = 0;
    const parts = split
      ? cutBatch(batch, rowsPerMessage(rowsPerPart, 1 + UPDATE * steps), pool.size)
      : [batch];
    const answers = parts.map(async (rows) => {
      const { answer, pid } = await inChild(
        { kind: 'run', id, rows, rowsPerRun: rowsPerPart ?? rows.dims[0]!, steps } as const,
        signal,
      );
      rowsDone += rows.dims[0]!;
      onProgress(rowsDone, pid);
      return answer;
    });
    return joinAnswers(await Promise.all(answers));
  }

  /** A row counts as done in so far as its passes are. */
  function adaptPassByPass(
    batch: Tensor<'float32'>,
    steps: number,
    onProgress: OnProgress,
    signal: AbortSignal,
  ): Promise<AdaptedRows> {
    let passesDone = 0;
    const parts = cutBatch(batch, rowsPerMessage(rowsPerPart!, UPDATE), pool.size);
    const pass: Pass = (state) => {
      const answers = parts.map(async (rows) => {
        const request = { kind: 'pass', id, rows, rowsPerRun: rowsPerPart!, ...state } as const;
        const { answer, pid } = await inChild(request, signal);
        passesDone += rows.dims[0]!;
        onProgress(Math.floor(passesDone / (steps + 1)), pid);
        return answer;
      });
      return Promise.all(answers);
    };
    return adaptInPasses(pass, carried!, batch.dims[0]!, steps);
  }

  async function adapt(
    batch: Tensor<'float32'>,
    steps: number,
    onProgress: OnProgress,
  ): Promise<AdaptedRows> {
    const failure = new AbortController();
    try {
      return await (carried === undefined ? adaptAtOnce : adaptPassByPass)(
        batch,
        steps,
        onProgress,
        failure.signal,
      );
    } finally {
      // Where one part failed the others are of no use to anybody.
      failure.abort();
    }
  }

  async function close(): Promise<void> {
    await Promise.allSettled(calls);
    // Where a child or the whole engine is lost meanwhile, its sessions are lost with it: that is all we want.
    await inEachPlace(shut).catch(() => {});
  }

  try {
    await inEachPlace(open);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async run(batch, steps, onProgress = () => {}) {
      if (released !== undefined) throw new Error(`"${name}" was released.`);
      if (!(batch.dims[0]! > 0)) {
        throw new InputError(`"${name}" was given no rows: the shape is [${batch.dims.join(', ')}].`);
      }
      const call = adapt(batch, steps, onProgress);
      calls.add(call);
      try {
        return await call;
      } finally {
        calls.delete(call);
      }
    },
    release() {
      released ??= close();
      return released;
    },
  };
}
