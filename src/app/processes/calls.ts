import type { Channel } from './channel.ts';
import { errorOf, type Fault, faultOf } from './faults.ts';

/** The calls that one process answers, by name. Each has at most one argument, which can be cloned. */
// biome-ignore lint/suspicious/noExplicitAny: only `any` lets functions of every argument be in one table.
type CallTable<T> = { readonly [K in keyof T]: (argument: any) => unknown };
type ArgumentOf<F> = F extends (argument: infer A) => unknown ? A : never;
type ResultOf<F> = F extends (argument: never) => infer R ? R : never;

/** The work behind the calls. Where the caller gives up, or is gone, `signal` aborts. */
export type Handlers<T extends CallTable<T>> = {
  readonly [K in keyof T]: (
    argument: ArgumentOf<T[K]>,
    signal: AbortSignal,
  ) => ResultOf<T[K]> | Promise<ResultOf<T[K]>>;
};

/** Calls the other process. Rejects with the error of its handler, and where the process is gone. */
export type Ask<T extends CallTable<T>> = <K extends keyof T & string>(
  name: K,
  argument: ArgumentOf<T[K]>,
  signal?: AbortSignal,
) => Promise<ResultOf<T[K]>>;

type Message =
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly name: string;
      readonly argument: unknown;
      /** Whether the caller had given up before it called. */
      readonly aborted: boolean;
    }
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly fault: Fault };

interface Asked {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The handlers' half: what the other process has asked and waits for. */
function createAnswering(
  channel: Channel,
  handlers: Readonly<Record<string, (a: unknown, s: AbortSignal) => unknown>>,
) {
  const underWay = new Map<number, AbortController>();

  function answer({ id, name, argument, aborted }: Message & { kind: 'call' }): void {
    const controller = new AbortController();
    if (aborted) controller.abort();
    underWay.set(id, controller);
    const end = (message: Message): void => {
      underWay.delete(id);
      channel.post(message);
    };
    const fail = (error: unknown): void => end({ kind: 'failed', id, fault: faultOf(error) });
    const succeed = (value: unknown): void => end({ kind: 'done', id, value });
    try {
      const value = handlers[name]!(argument, controller.signal);
      if (value instanceof Promise) value.then(succeed, fail);
      else succeed(value);
    } catch (error) {
      fail(error);
    }
  }

  return {
    answer,
    abort: (id: number) => underWay.get(id)?.abort(),
    abortAll() {
      for (const controller of underWay.values()) controller.abort();
    },
  };
}

/**
 * Lets two processes call each other over a channel. Calls arrive in order, and their answers come in any
 * order. An aborted call is still answered by its handler, which the signal tells to hurry. `serve` gives the
 * handlers of the other process's calls.
 */
export function connectCalls<Theirs extends CallTable<Theirs>, Ours extends CallTable<Ours>>(
  channel: Channel,
  serve: (ask: Ask<Theirs>) => Handlers<Ours>,
): Ask<Theirs> {
  const asked = new Map<number, Asked>();
  let calls = 0;
  let isClosed = false;

  function settle(id: number, how: (asked: Asked) => void): void {
    const call = asked.get(id);
    asked.delete(id);
    if (call) how(call);
  }

  channel.onMessage((received) => {
    const message = received as Message;
    const { id } = message;
    if (message.kind === 'call') answering.answer(message);
    else if (message.kind === 'abort') answering.abort(id);
    else if (message.kind === 'done') settle(id, ({ resolve }) => resolve(message.value));
    else settle(id, ({ reject }) => reject(errorOf(message.fault)));
  });

  const gone = (): Error => new Error('The other process is gone.');
  channel.onClosed(() => {
    isClosed = true;
    answering.abortAll();
    for (const id of asked.keys()) settle(id, ({ reject }) => reject(gone()));
  });

  const ask: Ask<Theirs> = (name, argument, signal) => {
    if (isClosed) return Promise.reject(gone());
    const id = calls++;
    const abort = (): void => channel.post({ kind: 'abort', id } satisfies Message);
    const aborted = signal?.aborted === true;
    const answer = new Promise<never>((resolve, reject) => {
      asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
    channel.post({ kind: 'call', id, name, argument, aborted } satisfies Message);
    if (!signal || aborted) return answer;
    signal.addEventListener('abort', abort, { once: true });
    return answer.finally(() => signal.removeEventListener('abort', abort));
  };
  const answering = createAnswering(channel, serve(ask) as never);
  return ask;
}
