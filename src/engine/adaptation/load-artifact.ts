import { InputError } from '../../errors.ts';
import { float32, int64, type Tensor } from '../../tensor.ts';
import type { Engine, Join, OpenGraph } from '../engine.ts';
import { adaptInPasses, type PassResult, type PassState } from './adapt-in-passes.ts';
import type { AdaptedRows, Artifact, LoadedArtifact, OnProgress } from './adaptation.ts';
import { outputsOf } from './graph-names.ts';
import { runInParts, type Turn } from './run-in-parts.ts';
import { createSizedSessions, filledSize, filledSizes, type SizedSessions } from './sized-sessions.ts';

/** An update is a forward and a backward pass. It takes about as long as three forward passes. */
const UPDATE = 3;
/** A message pays for itself from this many forward passes of a row. */
const PASSES_PER_MESSAGE = 96;

/**
 * How many rows to send to a child at once, in whole parts, where a row takes as long as `passes` forward
 * passes.
 */
const rowsPerMessage = (rowsPerPart: number, passes: number): number =>
  rowsPerPart * Math.ceil(PASSES_PER_MESSAGE / (passes * rowsPerPart));

const bool = (value: boolean): Tensor<'bool'> => ({
  type: 'bool',
  dims: [],
  data: Uint8Array.of(value ? 1 : 0),
});

/** The rows that a call adapts to. */
interface Rows {
  readonly batch: Tensor<'float32'>;
  readonly steps: number;
  readonly turn: Turn;
  readonly onProgress: OnProgress;
}

interface Call extends Rows {
  readonly graph: OpenGraph;
  readonly artifact: Artifact;
  readonly join: Readonly<Record<string, Join>>;
  /** Absent where the rows of a call run together. */
  readonly rowsPerPart: number | undefined;
  /** Aborted where a part has failed: nobody needs the others then. */
  readonly signal: AbortSignal;
}

async function adaptAtOnce(call: Call): Promise<AdaptedRows> {
  const { graph, artifact, join, batch, steps, turn, onProgress, signal } = call;
  const size = batch.dims[0]!;
  const rowsPerRun = call.rowsPerPart ?? size;
  let rowsDone = 0;
  const outputs = await runInParts(graph, { steps: int64([], [steps]) }, batch, {
    feed: artifact.input,
    rowsPerRun,
    rowsPerMessage: call.rowsPerPart === undefined ? size : rowsPerMessage(rowsPerRun, 1 + UPDATE * steps),
    uneven: call.rowsPerPart !== undefined && artifact.uneven === true,
    join,
    signal,
    ...turn,
    onRows(rows, pid) {
      rowsDone += rows;
      onProgress(rowsDone, pid);
    },
  });
  return adaptedRows(artifact, outputs);
}

function adaptedRows(artifact: Artifact, outputs: Readonly<Record<string, Tensor>>): AdaptedRows {
  const output = (name: string) => outputs[name] as Tensor<'float32'>;
  const optional = ['top', 'sigma', 'blended', 'divergence'].filter((name) => name in outputs);
  return {
    logits: output(artifact.output),
    staticLogits: output('static_logits'),
    entropy: output('entropy'),
    ...Object.fromEntries(optional.map((name) => [name, output(name)])),
  };
}

/** Counts a row as done in proportion to its finished passes. */
function adaptPassByPass(call: Call): Promise<AdaptedRows> {
  const { graph, artifact, join, batch, steps, turn, onProgress, signal } = call;
  const rowsPerRun = call.rowsPerPart!;
  let rowsPassed = 0;
  async function pass({ updates, batchRows, adapt, ...carried }: PassState): Promise<PassResult> {
    const feeds = {
      ...carried,
      updates: int64([], [updates]),
      batch_rows: float32([], [batchRows]),
      adapt: bool(adapt),
    };
    const outputs = await runInParts(graph, feeds, batch, {
      feed: artifact.input,
      rowsPerRun,
      rowsPerMessage: rowsPerMessage(rowsPerRun, UPDATE),
      uneven: false,
      join,
      signal,
      ...turn,
      onRows(rows, pid) {
        rowsPassed += rows;
        onProgress(Math.floor(rowsPassed / (steps + 1)), pid);
      },
    });
    const output = (name: string) => outputs[name] as Tensor<'float32'>;
    return {
      logits: output(artifact.output),
      entropy: output('entropy'),
      ...('top' in outputs && { top: output('top') }),
      carried: output('next_carried'),
      gradient: outputs.next_gradient as Tensor<'float64'>,
    };
  }
  return adaptInPasses(pass, artifact.carried!, batch.dims[0]!, steps);
}

/** Runs a batch in the session of the size that it is filled up to. */
function adaptFilledUp(
  sessions: SizedSessions,
  { artifact, join, batch, steps, turn, onProgress }: Omit<Call, 'graph' | 'rowsPerPart' | 'signal'>,
): Promise<AdaptedRows> {
  const from = batch.dims[0]!;
  const { input, validRows } = artifact;
  const feeds = { [input]: batch, steps: int64([], [steps]), [validRows!]: int64([], [from]) };
  return sessions.use(filledSize(from), async (graph, to) => {
    const { outputs, pid } = await graph.run(feeds, {
      fetches: Object.keys(join),
      filling: { feed: input, from, to, join },
      ...turn,
      attributes: { 'dent.rows': from, 'dent.rows.filled': to },
    });
    onProgress(from, pid);
    return adaptedRows(artifact, outputs);
  });
}

/** Opens the graph of an artifact and checks that it is of the artifact's kind. */
async function openArtifact(engine: Engine, artifact: Artifact, split: boolean) {
  const { name, path, precision } = artifact;
  const how = { sessions: split ? 'every' : 'first', optimise: true, tf32: precision === 'tf32' } as const;
  const graph = await engine.open({ name: `"${name}"`, model: path }, how);
  try {
    return { graph, join: outputsOf(artifact, graph) };
  } catch (error) {
    await graph.release();
    throw error;
  }
}

/** The open sessions of an artifact. */
interface OpenArtifact extends Pick<LoadedArtifact, 'warmUpSizes'> {
  adapt(rows: Rows): Promise<AdaptedRows>;
  /** No call is in flight. */
  release(): Promise<void>;
}

/**
 * Where batches are split, a session with a single thread in every process; otherwise one with all threads in
 * the first process.
 */
async function openForAnySize(engine: Engine, artifact: Artifact): Promise<OpenArtifact> {
  const rowsPerPart = engine.device === 'cpu' ? artifact.rowsPerPart : undefined;
  const { graph, join } = await openArtifact(engine, artifact, rowsPerPart !== undefined);
  return {
    // The first run allocates what later ones reuse: in each process, where there are several.
    warmUpSizes: () => [graph.width],
    async adapt(rows) {
      const failure = new AbortController();
      try {
        const call = { graph, artifact, join, rowsPerPart, ...rows, signal: failure.signal };
        return await (artifact.carried === undefined ? adaptAtOnce(call) : adaptPassByPass(call));
      } finally {
        failure.abort();
      }
    },
    release: graph.release,
  };
}

/** A session with all threads in the first process for each size that batches are filled up to. */
async function openForFilledSizes(engine: Engine, artifact: Artifact): Promise<OpenArtifact> {
  const { graph: first, join } = await openArtifact(engine, artifact, false);
  const another = () => openArtifact(engine, artifact, false).then(({ graph }) => graph);
  const sessions = createSizedSessions(first, another);
  return {
    warmUpSizes: filledSizes,
    adapt: (rows) => adaptFilledUp(sessions, { artifact, join, ...rows }),
    release: sessions.release,
  };
}

/** Opens sessions of `artifact`. Rejects with `InputError` where it is no self-adapting graph. */
export async function loadArtifact(engine: Engine, artifact: Artifact): Promise<LoadedArtifact> {
  const { name, validRows } = artifact;
  const opened = await (validRows === undefined ? openForAnySize : openForFilledSizes)(engine, artifact);
  const calls = new Set<Promise<AdaptedRows>>();
  let released: Promise<void> | undefined;

  async function close(): Promise<void> {
    await Promise.allSettled(calls);
    await opened.release();
  }

  return {
    warmUpSizes: opened.warmUpSizes,
    async run(batch, steps, onProgress = () => {}) {
      if (released !== undefined) throw new Error(`"${name}" was released.`);
      if (!(batch.dims[0]! > 0)) {
        throw new InputError(`"${name}" was given no rows: the shape is [${batch.dims.join(', ')}].`);
      }
      let begun = false;
      const onBegin = (pid: number): void => {
        if (!begun) onProgress(0, pid);
        begun = true;
      };
      const call = opened.adapt({ batch, steps, turn: { sinceMs: performance.now(), onBegin }, onProgress });
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
