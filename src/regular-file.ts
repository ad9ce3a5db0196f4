import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

/** The system reads at most this much in one call. */
const READ_BYTES = 2 ** 30;

/** An error whose code callers print as the reason, like the file system's own codes. */
const refusal = (code: string): Error => Object.assign(new Error(code), { code });

function checkRegular(found: { isFile(): boolean; isDirectory(): boolean }): void {
  if (found.isDirectory()) throw refusal('EISDIR');
  if (!found.isFile()) throw refusal('it is no regular file');
}

/**
 * Opens a file to read. Opening a pipe that nobody writes to would wait for ever, and opening a device may do
 * anything, so neither is opened. If another kind of file takes its place meanwhile, it is opened without
 * waiting, and refused.
 */
async function openRegular(path: string): Promise<FileHandle> {
  checkRegular(await stat(path));
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    checkRegular(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * A file in one piece. `readFile` returns to the event loop for each half megabyte, and waits every time for
 * this thread's other work. At a server's start that is as long as a model takes to be opened afterwards.
 * Rejects with the file system's error, and where `path` is no regular file.
 */
export async function readRegularFile(path: string): Promise<Buffer> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(READ_BYTES, size - at), at);
      if (bytesRead === 0) throw refusal('it became shorter while it was read');
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** The text of a file, without the byte order mark of Windows' editors. Rejects as `readRegularFile` does. */
export async function readText(path: string): Promise<string> {
  const bytes = await readRegularFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refusal('it is no UTF-8 text');
  }
}
