/**
 * A child process of the engine: the only place where native code runs. It is killed when it hangs and
 * replaced when it crashes, so it keeps nothing but open sessions. A run blocks this process's thread until
 * it is over, and with it every message and signal.
 */
import { Worker } from 'node:worker_threads';
import { env, InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { DeviceError, InputError } from '../../errors.ts';
import { isTensorType, type Tensor } from '../../tensor.ts';
import type { Tensors } from '../engine.ts';
import { cutRows, firstRows, joinOutputs } from '../parts.ts';
import { READS_AHEAD, readFeeds, withFeedData } from './feed-pipe.ts';
import type {
  OpenRequest,
  ReleaseRequest,
  Reply,
  Request,
  RequestKind,
  Requests,
  Results,
  RunRequest,
} from './messages.ts';
import { cleanRuntimeMessage } from './runtime-message.ts';

// Signals of a terminal and of a process manager reach the whole process group. The parent decides when its
// children end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => {});
// The parent has let go of us or died. A run under way ends first: events wait for it.
process.on('disconnect', () => process.exit(0));

// Errors reach the caller as messages. Printed as well, they would appear twice.
env.logLevel = 'fatal';

/**
 * Threads of a session spin between the many small operators of a run, which makes it a fifth faster. They
 * stop spinning at its end, because idle spinning costs six times the CPU. Denormal numbers count as zero:
 * where a prediction is almost certain its gradient is denormal, and a step on it would take five times as
 * long.
 */
const SESSION_CONFIG = {
  session: { intra_op: { allow_spinning: '1' }, force_spinning_stop: '1', set_denormal_as_zero: '1' },
};

const sessions = new Map<number, InferenceSession>();

function openSession(id: number): InferenceSession {
  const open = sessions.get(id);
  if (open === undefined) throw new Error(`Session ${id} is not open here. This is a bug.`);
  return open;
}

const runtimeMessage = (error: unknown): string =>
  cleanRuntimeMessage(error instanceof Error ? error.message : String(error));

function plainTensor(name: string, { type, dims, data }: RuntimeTensor): Tensor {
  if (!isTensorType(type))
    throw new InputError(`Output "${name}" is of type ${type}, which is not supported.`);
  return { type, dims, data } as Tensor;
}

function runtimeTensor({ type, data, dims }: Tensor): RuntimeTensor {
  return new RuntimeTensor(type, data, dims);
}

function sessionOptions({ device, optimise, threads }: OpenRequest): InferenceSession.SessionOptions {
  return {
    executionProviders: device === 'cuda' ? [{ name: 'cuda', deviceId: 0 }] : ['cpu'],
    graphOptimizationLevel: optimise ? 'all' : 'disabled',
    intraOpNumThreads: threads,
    extra: SESSION_CONFIG,
  };
}

async function createSession(request: OpenRequest): Promise<InferenceSession> {
  const { device, name, model } = request;
  const options = sessionOptions(request);
  try {
    // One overload takes a path, the other bytes.
    return await (typeof model === 'string'
      ? InferenceSession.create(model, options)
      : InferenceSession.create(model, options));
  } catch (error) {
    const message = runtimeMessage(error);
    if (device === 'cuda' && /cuda|cudnn|cublas/i.test(message)) {
      const reason = message.replace(/^\w+_Cuda: /i, '');
      throw new DeviceError(
        `The device "cuda" was asked for, but ONNX Runtime cannot use it here: ${reason} docs/kubernetes.md says what it needs; the device "cpu" needs nothing.`,
      );
    }
    throw new InputError(`${name} cannot be opened: ${message}`);
  }
}

async function open(request: OpenRequest): Promise<Results['open']> {
  const session = await createSession(request);
  sessions.set(request.id, session);
  const shapes = session.outputMetadata.map((value) => [value.name, value.isTensor ? value.shape : []]);
  return { inputs: session.inputNames, outputs: Object.fromEntries(shapes) };
}

async function runOnce(
  session: InferenceSession,
  feeds: Tensors,
  fetches: readonly string[],
): Promise<Record<string, Tensor>> {
  const inputs = Object.entries(feeds).map(([name, tensor]) => [name, runtimeTensor(tensor)]);
  const results = await session.run(Object.fromEntries(inputs), fetches);
  return Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [name, plainTensor(name, tensor)]),
  );
}

async function run({ id, feeds, fetches, cut, filling }: RunRequest): Promise<Results['run']> {
  const session = openSession(id);
  const wanted = fetches ?? session.outputNames;
  if (filling) return firstRows(await runOnce(session, feeds, wanted), filling);
  if (!cut) return runOnce(session, feeds, wanted);
  const parts: Record<string, Tensor>[] = [];
  for (const part of cutRows(feeds[cut.feed] as Tensor<'float32'>, cut.rowsPerRun, 1)) {
    parts.push(await runOnce(session, { ...feeds, [cut.feed]: part }, wanted));
  }
  return joinOutputs(parts, cut.join);
}

async function release({ id }: ReleaseRequest): Promise<undefined> {
  const session = openSession(id);
  sessions.delete(id);
  await session.release();
  return undefined;
}

const handlers: { readonly [K in RequestKind]: (request: Requests[K]) => Promise<Results[K]> } = {
  open,
  run,
  release,
};

function post(reply: Reply): void {
  // An error here means that the parent is gone. `disconnect` follows and ends this process.
  process.send?.(reply, undefined, undefined, () => {});
}

/**
 * The feeds of the next run. They are read here, unless the parent sends a request while a run is under way:
 * then a thread reads them meanwhile.
 */
function feedSource(): () => ArrayBuffer[] | Promise<ArrayBuffer[]> {
  if (!process.argv.includes(READS_AHEAD)) return readFeeds;
  const waiting: ArrayBuffer[][] = [];
  let wake: ((feeds: ArrayBuffer[]) => void) | undefined;
  // Runs under its compiled name: the child itself is always compiled.
  new Worker(new URL('./feed-reader.js', import.meta.url)).on('message', (feeds: ArrayBuffer[]) => {
    if (wake === undefined) waiting.push(feeds);
    else wake(feeds);
    wake = undefined;
  });
  return () => waiting.shift() ?? new Promise((resolve) => (wake = resolve));
}

const nextFeeds = feedSource();

async function answer(message: Request): Promise<void> {
  const request = message.kind === 'run' ? withFeedData(message, await nextFeeds()) : message;
  // The TypeScript compiler cannot see that the handler for a request's kind takes that kind of request.
  const handle = handlers[request.kind] as (request: Request) => Promise<Results[RequestKind]>;
  try {
    post({ kind: 'done', result: await handle(request) });
  } catch (error) {
    post({
      kind: 'failed',
      fault: error instanceof DeviceError ? 'device' : error instanceof InputError ? 'input' : 'run',
      message: error instanceof InputError ? error.message : runtimeMessage(error),
    });
  }
}

// One after the other, as they came: the feeds of a run may still be on their way.
let last = Promise.resolve();
process.on('message', (message: Request) => {
  last = last.then(() => answer(message));
});

post({ kind: 'done', result: undefined });
