import { connect, disconnect, type RedisAddress } from './connection.ts';

const TIMEOUT_MS = 10_000;

/** What the scripts say to workers. */
export type WakeCall =
  /** The next batch of a lane of this content may start then. */
  | { readonly kind: 'due'; readonly content: string; readonly inMs: number }
  /** A job of this content waits. */
  | { readonly kind: 'job'; readonly content: string }
  /** A row that is in a batch already is of no use any more. */
  | { readonly kind: 'gone'; readonly id: string };

/** Calls that may be missed: workers also look by themselves. They make an idle worker quick, not right. */
export interface WakeCalls {
  isUp(): boolean;
  close(): Promise<void>;
}

export interface WakeCallsOptions {
  readonly channel: string;
  readonly onCall: (call: WakeCall) => void;
  /** Calls are heard from now on; earlier ones may have been missed. */
  readonly onUp: () => void;
}

function parse(message: string): WakeCall {
  const [kind, name, inMs] = message.split(' ') as [WakeCall['kind'], string, string];
  if (kind === 'gone') return { kind, id: name };
  return kind === 'due' ? { kind, content: name, inMs: Number(inMs) } : { kind, content: name };
}

/** Listens on a connection of its own, for one that listens can do nothing else. */
export function openWakeCalls(address: RedisAddress, { channel, onCall, onUp }: WakeCallsOptions): WakeCalls {
  const client = connect(address, { timeoutMs: TIMEOUT_MS });
  let up = false;
  // The connection for commands reports what is wrong with the server.
  client.on('error', () => {});
  client.on('close', () => {
    up = false;
  });
  client.on('ready', () => {
    client.subscribe(channel).then(
      () => {
        up = true;
        onUp();
      },
      () => {},
    );
  });
  client.on('message', (_channel: string, message: string) => onCall(parse(message)));
  return { isUp: () => up, close: () => disconnect(client) };
}
