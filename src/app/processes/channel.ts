/** Messages to and from one other process, which arrive in the order in which they were sent. */
export interface Channel {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** `listener` is called once, when the other process cannot be reached any more. */
  onClosed(listener: () => void): void;
}

/** The end of Node's channel between a process and one that it forked. */
export interface IpcPort {
  readonly connected: boolean;
  send(messages: readonly unknown[], sent: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (messages: readonly unknown[]) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

/**
 * All messages of one turn of the event loop go together: the answers of a batch are one write, not hundreds.
 */
export function ipcChannel(port: IpcPort): Channel {
  let outbox: unknown[] = [];
  function flush(): void {
    const messages = outbox;
    outbox = [];
    // What cannot be sent is not missed: `disconnect` follows. A process that could not be started may have
    // no channel.
    if (port.connected) port.send(messages, () => {});
  }
  return {
    post(message) {
      if (outbox.push(message) === 1) setImmediate(flush);
    },
    onMessage(listener) {
      port.on('message', (messages) => {
        for (const message of messages) listener(message);
      });
    },
    onClosed: (listener) => void port.once('disconnect', listener),
  };
}
