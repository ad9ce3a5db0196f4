import { type DestinationStream, pino } from 'pino';
import { fileError } from './file-error.ts';

/** How many bytes may wait for a slow reader, or for room on a full disk. More lines are lost. */
const MAX_WAITING_BYTES = 1024 ** 2;

/** A pipe takes a piece of this size whole or not at all, so lines of several processes stay whole. */
const PIECE_BYTES = 4096;

/** How often to try again where a reader takes nothing. */
const RETRY_MS = 50;

/** How long a process that ends waits where nobody takes its last lines, and how often it tries. */
const LAST_LINES_MS = 2_000;
const LAST_RETRY_MS = 10;

const isFull = ({ code }: NodeJS.ErrnoException): boolean => code === 'EAGAIN' || code === 'EBUSY';

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Has writes to a full pipe or socket fail, where they would stop the process. Every start and end of a child
 * that shares it undoes this, so it is done before each write.
 */
function unblocking(): () => void {
  // Node has no other name for it. Files and terminals do without.
  const { _handle: pipe, isTTY } = process.stdout as typeof process.stdout & {
    readonly _handle?: { setBlocking(on: boolean): void };
  };
  return pipe && !isTTY ? () => pipe.setBlocking(false) : () => {};
}

/**
 * The standard output for a log. A reader that has stopped, or a full disk, costs lines, but never stops the
 * service. Once they are written again `onLost` hears how many there were.
 */
export function standardOutput(onLost: (lines: number) => void): DestinationStream {
  const unblock = unblocking();
  const output = pino.destination({
    dest: 1,
    sync: true,
    maxLength: MAX_WAITING_BYTES,
    maxWrite: PIECE_BYTES,
    retryEAGAIN: () => false,
  });
  function write(line: string): void {
    unblock();
    output.write(line);
  }
  const writeWaiting = (): void => write('');
  let told = false;
  let lost = 0;
  let writtenMs = 0;
  let retry: NodeJS.Timeout | undefined;

  function forgetRetry(): void {
    clearTimeout(retry);
    retry = undefined;
  }

  output.on('drop', () => {
    lost += 1;
  });
  output.on('write', () => {
    writtenMs = performance.now();
    forgetRetry();
  });
  output.on('drain', () => {
    // It may come late, when lines wait again.
    if (lost === 0 || retry !== undefined) return;
    const lines = lost;
    lost = 0;
    onLost(lines);
  });
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (isFull(error)) {
      retry ??= setTimeout(() => {
        retry = undefined;
        writeWaiting();
      }, RETRY_MS).unref();
      return;
    }
    forgetRetry();
    // A reader that has gone needs no message.
    if (told || error.code === 'EPIPE') return;
    told = true;
    process.stderr.write(`dent: ${fileError('the log', 'written', error).message}\n`);
  });
  process.once('exit', () => {
    writtenMs = performance.now();
    while (retry !== undefined && performance.now() - writtenMs < LAST_LINES_MS) {
      sleep(LAST_RETRY_MS);
      writeWaiting();
    }
  });
  // Not pino's flushSync, called after a fatal line: it would try for ever.
  return { write };
}
