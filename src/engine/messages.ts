import type { Tensor } from '../tensor.ts';
import type { AdaptedRows, Device } from './engine.ts';

/** Opens a session under `id` and checks that it is a self-adapting graph, or one pass of it. */
export interface LoadRequest {
  readonly kind: 'load';
  readonly id: number;
  /** What errors call the artifact. */
  readonly name: string;
  readonly path: string;
  readonly input: string;
  readonly output: string;
  /** Whether the graph is one pass. */
  readonly isPass: boolean;
  readonly device: Device;
  /** Threads inside one operator. */
  readonly threads: number;
}

/** Runs over some of a batch's rows, `rowsPerRun` at a time. */
export interface RunRequest {
  readonly kind: 'run';
  readonly id: number;
  readonly rows: Tensor<'float32'>;
  readonly rowsPerRun: number;
  readonly steps: number;
}

/** What the pass before has left behind for the next. */
export interface PassState {
  /** [tensors, parameters]. */
  readonly carried: Tensor<'float32'>;
  /** Over the rows of the whole batch, [1, parameters]. */
  readonly gradient: Tensor<'float32'>;
  /** How many updates are made when the pass predicts. */
  readonly updates: number;
  /** Of the whole batch. */
  readonly batchRows: number;
  /** Whether another update follows. */
  readonly adapt: boolean;
}

/** One pass over some of a batch's rows, `rowsPerRun` at a time. */
export interface PassRequest extends PassState {
  readonly kind: 'pass';
  readonly id: number;
  readonly rows: Tensor<'float32'>;
  readonly rowsPerRun: number;
}

export interface PassResult {
  /** [n, K]. */
  readonly logits: Tensor<'float32'>;
  /** In nats, [n]. */
  readonly entropy: Tensor<'float32'>;
  /** After the pass's update. */
  readonly carried: Tensor<'float32'>;
  /** These rows' share, parameter by parameter. */
  readonly gradient: Float64Array;
}

export interface ReleaseRequest {
  readonly kind: 'release';
  readonly id: number;
}

export interface EvaluateRequest {
  readonly kind: 'evaluate';
  readonly model: Uint8Array;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** What the parent asks of a child. It asks one thing at a time and waits for the reply. */
export interface Requests {
  load: LoadRequest;
  run: RunRequest;
  pass: PassRequest;
  release: ReleaseRequest;
  evaluate: EvaluateRequest;
}
export type RequestKind = keyof Requests;
export type Request = Requests[RequestKind];

/** What a child answers with, by the kind of request. */
export interface Results {
  load: undefined;
  run: AdaptedRows;
  pass: PassResult;
  release: undefined;
  evaluate: Record<string, Tensor>;
}

/**
 * One reply follows each request, and one more comes unasked when the child is ready for the first. `input` is the fault of
 * what a person gave us (`InputError`), `run` of anything else.
 */
export type Reply =
  | { readonly kind: 'done'; readonly result: Results[RequestKind] }
  | { readonly kind: 'failed'; readonly fault: 'input' | 'run'; readonly message: string };
