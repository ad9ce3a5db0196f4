import type { Tensor } from '../../tensor.ts';
import type { Cut, Device, Filling, OpenGraph, Tensors } from '../engine.ts';

/** Opens a session under `id`. */
export interface OpenRequest {
  readonly kind: 'open';
  readonly id: number;
  /** The subject of sentences about the graph. */
  readonly name: string;
  /** A path or the bytes. */
  readonly model: string | Uint8Array;
  readonly optimise: boolean;
  readonly device: Device;
  /** Threads inside one operator. */
  readonly threads: number;
}

export interface RunRequest {
  readonly kind: 'run';
  readonly id: number;
  /** Their data crosses in the pipe of feeds. */
  readonly feeds: Tensors;
  readonly fetches?: readonly string[];
  readonly cut?: Cut;
  readonly filling?: Filling;
}

export interface ReleaseRequest {
  readonly kind: 'release';
  readonly id: number;
}

/** What the parent asks of a child. Replies come in the order of the requests. */
export interface Requests {
  open: OpenRequest;
  run: RunRequest;
  release: ReleaseRequest;
}
export type RequestKind = keyof Requests;
export type Request = Requests[RequestKind];

/** The child's answers, by the kind of request. */
export interface Results {
  open: Pick<OpenGraph, 'inputs' | 'outputs'>;
  run: Record<string, Tensor>;
  release: undefined;
}

/**
 * One reply follows each request. One more comes unasked, when the child is ready for the first request.
 * `input` is a fault in what a person gave us (`InputError`), `device` one of the hardware that was asked for
 * (`DeviceError`), `run` is any other.
 */
export type Reply =
  | { readonly kind: 'done'; readonly result: Results[RequestKind] | undefined }
  | { readonly kind: 'failed'; readonly fault: 'input' | 'device' | 'run'; readonly message: string };
