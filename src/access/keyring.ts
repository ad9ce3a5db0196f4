import { InputError } from '../errors.ts';
import { readText } from '../regular-file.ts';
import type { Access } from './access.ts';
import { digestOf } from './key.ts';
import { type Callers, parseKeyFile } from './key-file.ts';
import { createLimiter } from './limiter.ts';

export interface KeyringObserver {
  /** The file was read. `names` are those of its entries. */
  read(names: readonly string[]): void;
  /** The file cannot be read, or is broken; the keys that were read last stay in force. Once for each state of the file. */
  failed(error: InputError): void;
}

/** The keys of a file, which is read again when it changes. */
export interface Keyring extends Access {
  /** Does not look at the file any more. */
  close(): void;
}

/**
 * How often the file is read, milliseconds. It is small, and reading it finds what watching does not: the symbolic links by
 * which Kubernetes replaces a mounted secret, and files of networks.
 */
const LOOK_MS = 2000;

async function readKeyFile(file: string): Promise<string> {
  try {
    return await readText(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InputError(`${file}: the key file cannot be read (${code}).`, { cause });
  }
}

/** Rejects with `InputError` where the file cannot be read or is broken. */
export async function openKeyring(file: string, observer: KeyringObserver): Promise<Keyring> {
  const limiter = createLimiter();
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
     * A key is found by its digest. The time this takes may tell something about digests that begin like the one of a guess;
     * but a digest is of no use without a key that has it, which nobody can find. So nothing need be compared in constant time.
     */
    find(key) {
      return callers.get(digestOf(key));
    },
    admit: ({ name, limits }) => limiter.enter(name, limits),
    charge: ({ name, limits }, images) => limiter.charge(name, limits, images),
    close: () => clearInterval(timer),
  };
}
