import type { Tensor } from '../tensor.ts';
import type { AdaptedRows, Device } from './engine.ts';

/** Opens a session under `id` and checks that it is a self-adapting graph. */
export interface LoadRequest {
  readonly kind: 'load';
  readonly id: number;
  /** What errors call the artifact. */
  readonly name: string;
  readonly path: string;
  readonly input: string;
  readonly output: string;
  readonly device: Device;
  /** Threads inside one operator. */
  readonly threads: number;
}

export interface RunRequest {
  readonly kind: 'run';
  readonly id: number;
  readonly rows: Tensor<'float32'>;
  readonly steps: number;
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
  release: ReleaseRequest;
  evaluate: EvaluateRequest;
}
export type RequestKind = keyof Requests;
export type Request = Requests[RequestKind];

/** What a child answers with, by the kind of request. */
export interface Results {
  load: undefined;
  run: AdaptedRows;
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
