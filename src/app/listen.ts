import type { AddressInfo } from 'node:net';
import { InputError, systemReason } from '../errors.ts';
import type { buildApp } from '../http/index.ts';

type App = Awaited<ReturnType<typeof buildApp>>;

/**
 * Listens, and resolves with the URL, such as http://127.0.0.1:8080. The log says the URL and `note`. Rejects
 * with `InputError` where the port is taken, or the address is not this machine's.
 */
export async function listen(
  app: App,
  { host, port }: { host: string; port: number },
  note: string,
): Promise<string> {
  try {
    const listenTextResolver = (address: string): string => `listening at ${address}, ${note}`;
    await app.listen({ host, port, listenTextResolver });
  } catch (cause) {
    throw new InputError(`Cannot listen on ${host}, port ${port}: ${systemReason(cause)}.`, { cause });
  }
  const { address, family, port: actual } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`;
}
