import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** The rooms whose code decides how a compiled graph looks. */
const COMPILER_ROOMS = ['onnx', 'autodiff', 'dent'];

/**
 * A hash of the compiler's own code. Cached graphs are bound to it: with a version number raised by hand,
 * somebody would one day forget to raise it, and the cache would serve graphs with a mistake that has been
 * mended.
 */
export function compilerIdentity(): string {
  const hash = createHash('sha256');
  for (const room of COMPILER_ROOMS) {
    const folder = new URL(`../${room}/`, import.meta.url);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => /\.(js|ts)$/.test(name)).sort()) {
      hash.update(`${room}/${file}\n`).update(readFileSync(new URL(file, folder)));
    }
  }
  return hash.digest('hex');
}
