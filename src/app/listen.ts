import type { AddressInfo } from 'node:net';
import { type Setting, variable } from '../config.ts';
import { InputError, systemReason } from '../errors.ts';
import type { buildApp } from '../http/index.ts';

type App = Awaited<ReturnType<typeof buildApp>>;

/** Where a person chooses another host, or another port: whichever the system's reason is about. */
function choice({ code }: NodeJS.ErrnoException, portSetting: Setting): string {
  const setting = code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' ? 'host' : portSetting;
  const option = setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `choose another with --${option} or ${variable(setting)}`;
}

/**
 * Listens, and resolves with the URL, such as http://127.0.0.1:8080. The log says the URL and `note`. Rejects
 * with `InputError` where the port is taken, or the address is not this machine's. `portSetting` is the
 * setting that `port` comes from.
 */
export async function listen(
  app: App,
  { host, port, portSetting = 'port' }: { host: string; port: number; portSetting?: Setting },
  note: string,
): Promise<string> {
  try {
    const listenTextResolver = (address: string): string => `listening at ${address}, ${note}`;
    await app.listen({ host, port, listenTextResolver });
  } catch (cause) {
    const advice = choice(cause as NodeJS.ErrnoException, portSetting);
    throw new InputError(`Cannot listen on ${host}, port ${port}: ${systemReason(cause)}; ${advice}.`, {
      cause,
    });
  }
  const { address, family, port: actual } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`;
}
