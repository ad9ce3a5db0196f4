import { readFile } from 'node:fs/promises';

async function residentBytes(pid: number): Promise<number> {
  // A process may end before it is read.
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
}

/** The memory of these processes together, in bytes. 0 where the system has no /proc. */
export async function residentMemoryBytes(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(residentBytes));
  return each.reduce((sum, bytes) => sum + bytes, 0);
}
