import { asPartOfThis, inSpan } from '../spans.ts';
import type { GraphSource, OpenGraph, OpenOptions, Ran, RunOptions, Tensors } from './engine.ts';
import type { EngineChild } from './processes/engine-child.ts';
import type { OpenRequest, Results, RunRequest } from './processes/messages.ts';
import type { ProcessPool } from './processes/process-pool.ts';

/** This limit only keeps a hung driver from holding a process for ever. */
const OPEN_LIMIT_MS = 120_000;

export interface OpenIn extends Pick<OpenRequest, 'id' | 'device'> {
  /** Threads of the engine. A session has them alone, or shares them with the other sessions of its graph. */
  readonly threads: number;
  /** The longest that one call may run. */
  readonly runTimeoutMs: number;
}

/**
 * A graph's sessions in the children. A child that replaces a dead one has none, so its first job opens the
 * graph again.
 */
function createSessions({ name, model }: GraphSource, { sessions, optimise }: OpenOptions, inside: OpenIn) {
  const { id, device } = inside;
  const threads = sessions === 'first' ? inside.threads : 1;
  /** Also while it is being opened: a child may be given two jobs, and would hold the graph twice. */
  const openIn = new WeakMap<EngineChild, Promise<Results['open']>>();
  return {
    open(child: EngineChild): Promise<Results['open']> {
      const known = openIn.get(child);
      if (known !== undefined) return known;
      const request = { kind: 'open', id, name, model, optimise, device, threads } as const;
      const opened = child.request(request, OPEN_LIMIT_MS);
      openIn.set(child, opened);
      opened.catch(() => openIn.delete(child));
      return opened;
    },
    async shut(child: EngineChild): Promise<void> {
      if (openIn.delete(child)) await child.request({ kind: 'release', id }, OPEN_LIMIT_MS);
    },
  };
}

/**
 * Does `work` in each of some places at once. Waits for all, then rejects with the first failure if there was
 * one.
 */
async function inEach<T>(places: readonly number[], work: (place: number) => Promise<T>): Promise<T[]> {
  const outcomes = await Promise.allSettled(places.map(work));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/**
 * Opens a graph in the children that `options` name, all at the same time. Each such child then holds it in
 * memory. Rejects with `InputError` where it cannot be opened.
 */
export async function openGraph(
  pool: ProcessPool,
  source: GraphSource,
  options: OpenOptions,
  inside: OpenIn,
): Promise<OpenGraph> {
  const { name } = source;
  const { id, runTimeoutMs } = inside;
  const { open, shut } = createSessions(source, options, inside);
  const openInFree = (child: EngineChild, place: number) => open(child).then(() => place);
  const everywhere = options.sessions === 'every';
  const places = everywhere
    ? Array.from({ length: pool.size }, (_, place) => place)
    : [options.sessions === 'any' ? await pool.submit({ name, work: openInFree }) : 0];
  const calls = new Set<Promise<unknown>>();
  let released: Promise<void> | undefined;

  async function runIn(
    child: EngineChild,
    request: RunRequest,
    attributes: RunOptions['attributes'],
    onBegin: RunOptions['onBegin'],
  ) {
    await open(child);
    const pid = child.pid!;
    const outputs = await inSpan('engine', { ...attributes, 'dent.engine.pid': pid }, () =>
      child.request(request, runTimeoutMs, () => onBegin?.(pid)),
    );
    return { outputs, pid };
  }

  async function run(
    feeds: Tensors,
    { signal, sinceMs, attributes, onBegin, ...how }: RunOptions = {},
  ): Promise<Ran> {
    if (released !== undefined) throw new Error(`${name} was released.`);
    const request = { kind: 'run', id, feeds, ...how } as const;
    const call = pool.submit({
      name,
      ...(!everywhere && { place: places[0]! }),
      ...(signal && { signal }),
      ...(sinceMs !== undefined && { sinceMs }),
      work: asPartOfThis((child: EngineChild) => runIn(child, request, attributes, onBegin)),
    });
    calls.add(call);
    return call.finally(() => calls.delete(call));
  }

  async function close(): Promise<void> {
    await Promise.allSettled(calls);
    // If a child or the whole engine is lost meanwhile, its sessions are lost with it. That is what release
    // wants.
    await inEach(places, (place) => pool.submit({ name, place, work: shut })).catch(() => {});
  }

  try {
    const [opened] = await inEach(places, (place) => pool.submit({ name, place, work: open }));
    return {
      ...opened!,
      width: places.length,
      run,
      release() {
        released ??= close();
        return released;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
