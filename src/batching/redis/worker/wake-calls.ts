import { connect, disconnect, type RedisAddress } from '../connection/connect.ts';
import type { Refusals } from '../connection/refusals.ts';

const TIMEOUT_MS = 10_000;
const RETRY_MS = 1_000;

/** The messages of the scripts to the workers. */
export type WakeCall =
  /** The next batch of a lane of this content may start then. */
  | { readonly kind: 'due'; readonly content: string; readonly inMs: number }
  /** A job of this content waits. */
  | { readonly kind: 'job'; readonly content: string }
  /** A row in a formed batch is not needed any more. */
  | { readonly kind: 'gone'; readonly id: string };

/**
 * Calls that may be missed, because workers also look by themselves. They make an idle worker quick;
 * correctness does not depend on them.
 */
export interface WakeCalls {
  isUp(): boolean;
  close(): Promise<void>;
}

export interface WakeCallsOptions {
  readonly channel: string;
  readonly onCall: (call: WakeCall) => void;
  /** Calls are heard from now on. Earlier ones may have been missed. */
  readonly onUp: () => void;
  readonly refusals: Refusals;
}

function parse(message: string): WakeCall {
  const [kind, name, inMs] = message.split(' ') as [WakeCall['kind'], string, string];
  if (kind === 'gone') return { kind, id: name };
  return kind === 'due' ? { kind, content: name, inMs: Number(inMs) } : { kind, content: name };
}

/** Listens on a connection of its own, because a listening connection can do nothing else. */
export function openWakeCalls(address: RedisAddress, options: WakeCallsOptions): WakeCalls {
  const { channel, onCall, onUp, refusals } = options;
  const client = connect(address, { timeoutMs: TIMEOUT_MS });
  refusals.watch(client);
  let up = false;
  let retry: NodeJS.Timeout | undefined;
  // The connection for commands reports faults of the server.
  client.on('error', () => {});
  client.on('close', () => {
    up = false;
  });
  client.on('ready', listen);

  function listen(): void {
    clearTimeout(retry);
    client.subscribe(channel).then(
      () => {
        up = true;
        onUp();
      },
      // Without the right to subscribe, waits until somebody grants it. A lost connection comes back by
      // itself.
      () => {
        if (client.status === 'ready') retry = setTimeout(listen, RETRY_MS).unref();
      },
    );
  }

  client.on('message', (_channel: string, message: string) => onCall(parse(message)));
  return {
    isUp: () => up,
    close() {
      clearTimeout(retry);
      return disconnect(client);
    },
  };
}
