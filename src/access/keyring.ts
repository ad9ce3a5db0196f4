import { InputError, systemReason } from '../errors.ts';
import { readText } from '../regular-file.ts';
import type { Access } from './access.ts';
import { digestOf } from './key.ts';
import { type Callers, parseKeyFile } from './key-file.ts';
import { createLimiter, type Limiter } from './limiter.ts';

export interface KeyringObserver {
  /** The file was read. `names` are those of its entries. */
  read(names: readonly string[]): void;
  /**
   * The file cannot be read, or is broken. The keys that were read last stay valid. Called once for each
   * state of the file.
   */
  failed(error: InputError): void;
}

/** The keys of a file, which is read again when it changes. */
export interface Keyring extends Access {
  /** Stops reading the file. */
  close(): void;
}

/**
 * How often the file is read, milliseconds. It is small, and reading it finds changes that watching misses:
 * the symbolic links by which Kubernetes replaces a mounted secret, and files on networks.
 */
const LOOK_MS = 2000;

async function readKeyFile(file: string): Promise<string> {
  try {
    return await readText(file);
  } catch (cause) {
    throw new InputError(`${file}: the key file cannot be read, ${systemReason(cause)}.`, { cause });
  }
}

/**
 * Counts by `limiter`. Rejects with `InputError` where the file cannot be read or is broken.
 */
export async function openKeyring(
  file: string,
  observer: KeyringObserver,
  limiter: Limiter = createLimiter(),
): Promise<Keyring> {
  let text = await readKeyFile(file);
  let callers: Callers = parseKeyFile(text, file);
  const names = (): Set<string> => new Set([...callers.values()].map(({ name }) => name));
  observer.read([...names()]);
  let told = '';
  let looking = false;

  async function look(): Promise<void> {
    const found = await readKeyFile(file);
    if (found !== text) {
      text = found;
      callers = parseKeyFile(found, file);
      limiter.keep(names());
      observer.read([...names()]);
    }
    told = '';
  }

  function complain(error: InputError): void {
    if (error.message !== told) observer.failed(error);
    told = error.message;
  }

  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look()
      .catch(complain)
      .finally(() => {
        looking = false;
      });
  }, LOOK_MS).unref();

  return {
    /**
     * A key is found by its digest. The time this takes may tell something about digests that begin like the
     * digest of a guess. But a digest is useless without its key, which nobody can find. So no comparison in
     * constant time is needed.
     */
    find(key) {
      return callers.get(digestOf(key));
    },
    admit: ({ name, limits }) => limiter.enter(name, limits),
    charge: ({ name, limits }, images) => limiter.charge(name, limits, images),
    close: () => clearInterval(timer),
  };
}
