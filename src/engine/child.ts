/**
 * A child process of the engine: the only place where native code runs. It is killed when it hangs and replaced when it
 * crashes, so it keeps nothing but open sessions. A run blocks this process's thread, and with it every message and signal,
 * until it is over.
 */
import { env, InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { InputError } from '../errors.ts';
import type { Tensor, TensorType } from '../tensor.ts';
import { cutBatch, joinAnswers, joinRows } from './batch-parts.ts';
import type { AdaptedRows } from './engine.ts';
import type { LoadRequest, Reply, Request, RequestKind, Requests, Results } from './messages.ts';
import { withRowData } from './row-pipe.ts';
import { cleanRuntimeMessage } from './runtime-message.ts';

// Ctrl-C and a process manager's SIGTERM reach the whole process group; the parent decides when its children end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
// The parent let go of us or died. After a run that was under way: events wait for it.
process.on('disconnect', () => process.exit(0));

// Errors reach the caller as messages; printed as well they would appear twice.
env.logLevel = 'fatal';

/**
 * Threads of a session spin between the many small operators of a run, which makes it a fifth faster, and stop at its end, as idle ones cost
 * six times the CPU. Denormal numbers count as zero: where a prediction is all but certain its gradient is denormal, and a step on it would take
 * five times as long.
 */
const SESSION_CONFIG = {
  session: { intra_op: { allow_spinning: '1' }, force_spinning_stop: '1', set_denormal_as_zero: '1' },
};

interface OpenSession {
  readonly session: InferenceSession;
  readonly input: string;
  readonly output: string;
  /** The outputs to compute. */
  readonly fetches: readonly string[];
}

const sessions = new Map<number, OpenSession>();

function openSession(id: number): OpenSession {
  const open = sessions.get(id);
  if (open === undefined) throw new Error(`Session ${id} is not open here. This is a bug.`);
  return open;
}

const runtimeMessage = (error: unknown): string =>
  cleanRuntimeMessage(error instanceof Error ? error.message : String(error));

/** Element types that ONNX Runtime may answer with and `Tensor` can hold. */
const TYPES: ReadonlySet<string> = new Set<TensorType>([
  'float32',
  'float64',
  'int8',
  'uint8',
  'int32',
  'int64',
  'bool',
]);

function plainTensor(name: string, { type, dims, data }: RuntimeTensor): Tensor {
  if (!TYPES.has(type)) throw new InputError(`Output "${name}" is of type ${type}, which is not supported.`);
  return { type, dims, data } as Tensor;
}

function runtimeTensor({ type, data, dims }: Tensor): RuntimeTensor {
  return new RuntimeTensor(type, data, dims);
}

async function createSession(request: LoadRequest): Promise<InferenceSession> {
  const { device, name, path, threads } = request;
  try {
    return await InferenceSession.create(path, {
      executionProviders: device === 'cuda' ? [{ name: 'cuda', deviceId: 0 }] : ['cpu'],
      intraOpNumThreads: threads,
      extra: SESSION_CONFIG,
    });
  } catch (error) {
    const message = runtimeMessage(error);
    if (device === 'cuda' && /cuda|cudnn|cublas/i.test(message)) {
      const reason = message.replace(/^\w+_Cuda: /i, '');
      throw new InputError(`The device "cuda" was asked for, but ONNX Runtime cannot use it here: ${reason}`);
    }
    throw new InputError(`"${name}" cannot be opened: ${message}`);
  }
}

/** The names of a self-adapting graph, and of the graph of one pass, beside the model's own. */
const ADAPTING_INPUTS = ['steps'];
const ADAPTING_OUTPUTS = ['static_logits', 'entropy'];
const PASS_INPUTS = ['carried', 'gradient', 'updates', 'batch_rows', 'adapt'];
const PASS_OUTPUTS = ['entropy', 'next_carried', 'next_gradient'];

async function load(request: LoadRequest): Promise<undefined> {
  const { id, input, isPass, name, output } = request;
  const session = await createSession(request);
  const outputs = [output, ...(isPass ? PASS_OUTPUTS : ADAPTING_OUTPUTS)];
  const missing =
    [input, ...(isPass ? PASS_INPUTS : ADAPTING_INPUTS)]
      .filter((each) => !session.inputNames.includes(each))
      .map((each) => `input "${each}"`)[0] ??
    outputs.filter((each) => !session.outputNames.includes(each)).map((each) => `output "${each}"`)[0];
  if (missing !== undefined) {
    await session.release();
    throw new InputError(`"${name}" is no self-adapting graph: it has no ${missing}.`);
  }
  const fetches = session.outputNames.includes('sigma') ? [...outputs, 'sigma'] : outputs;
  sessions.set(id, { session, input, output, fetches });
  return undefined;
}

async function run({ id, rows, rowsPerRun, steps }: Requests['run']): Promise<Results['run']> {
  const open = openSession(id);
  const answers: AdaptedRows[] = [];
  for (const part of cutBatch(rows, rowsPerRun, 1)) answers.push(await runTogether(open, part, steps));
  return joinAnswers(answers);
}

async function runTogether(
  { session, input, output, fetches }: OpenSession,
  rows: Tensor<'float32'>,
  steps: number,
): Promise<AdaptedRows> {
  const feeds = {
    [input]: runtimeTensor(rows),
    steps: new RuntimeTensor('int64', BigInt64Array.of(BigInt(steps)), []),
  };
  const results = await session.run(feeds, fetches);
  const result = (name: string) => plainTensor(name, results[name]!) as Tensor<'float32'>;
  return {
    logits: result(output),
    staticLogits: result('static_logits'),
    entropy: result('entropy'),
    ...(fetches.includes('sigma') && { sigma: result('sigma') }),
  };
}

async function pass(request: Requests['pass']): Promise<Results['pass']> {
  const { id, rows, rowsPerRun, carried, gradient, updates, batchRows, adapt } = request;
  const { session, input, output, fetches } = openSession(id);
  const shared = {
    carried: runtimeTensor(carried),
    gradient: runtimeTensor(gradient),
    updates: new RuntimeTensor('int64', BigInt64Array.of(BigInt(updates)), []),
    batch_rows: new RuntimeTensor('float32', Float32Array.of(batchRows), []),
    adapt: new RuntimeTensor('bool', Uint8Array.of(adapt ? 1 : 0), []),
  };
  const share = new Float64Array(gradient.data.length);
  const runs: Record<string, RuntimeTensor>[] = [];
  for (const part of cutBatch(rows, rowsPerRun, 1)) {
    const results = await session.run({ ...shared, [input]: runtimeTensor(part) }, fetches);
    const found = results.next_gradient!.data as Float32Array;
    for (let i = 0; adapt && i < share.length; i++) share[i]! += found[i]!;
    runs.push(results);
  }
  const results = (name: string) => runs.map((run) => plainTensor(name, run[name]!) as Tensor<'float32'>);
  return {
    logits: joinRows(results(output)),
    entropy: joinRows(results('entropy')),
    carried: results('next_carried')[0]!,
    gradient: share,
  };
}

async function release({ id }: Requests['release']): Promise<undefined> {
  const { session } = openSession(id);
  sessions.delete(id);
  await session.release();
  return undefined;
}

async function evaluate({ model, feeds }: Requests['evaluate']): Promise<Results['evaluate']> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(model, {
      graphOptimizationLevel: 'disabled',
      intraOpNumThreads: 1,
      extra: SESSION_CONFIG,
    });
  } catch (error) {
    throw new InputError(`The model cannot be opened: ${runtimeMessage(error)}`);
  }
  try {
    const inputs = Object.entries(feeds).map(([name, tensor]) => [name, runtimeTensor(tensor)]);
    const results = await session.run(Object.fromEntries(inputs)).catch((error: unknown) => {
      throw new InputError(`The model cannot be run: ${runtimeMessage(error)}`);
    });
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, plainTensor(name, tensor)]),
    );
  } finally {
    await session.release();
  }
}

const handlers: { readonly [K in RequestKind]: (request: Requests[K]) => Promise<Results[K]> } = {
  load,
  run,
  pass,
  release,
  evaluate,
};

function post(reply: Reply): void {
  // An error here means that the parent is gone; `disconnect` follows and ends this process.
  process.send?.(reply, undefined, undefined, () => {});
}

process.on('message', async (message: Request) => {
  const request = withRowData(message);
  // The compiler cannot see that the handler found under a request's kind takes that kind of request.
  const handle = handlers[request.kind] as (request: Request) => Promise<Results[RequestKind]>;
  try {
    post({ kind: 'done', result: await handle(request) });
  } catch (error) {
    post({
      kind: 'failed',
      fault: error instanceof InputError ? 'input' : 'run',
      message: error instanceof InputError ? error.message : runtimeMessage(error),
    });
  }
});

post({ kind: 'done', result: undefined });
