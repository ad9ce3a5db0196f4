import type { RedisClient } from './connection.ts';

type Argument = string | number | Buffer;

/** Runs one script: replies as text, or as bytes where the reply holds any. */
export interface RunScript {
  text(...args: Argument[]): Promise<unknown>;
  bytes(...args: Argument[]): Promise<unknown>;
}

/**
 * Makes `scripts` known to the client, which sends their text once and their hash from then on. Each gets `base` as its one
 * key, which says where in a cluster it runs.
 */
export function defineScripts<Name extends string>(
  client: RedisClient,
  base: string,
  scripts: Readonly<Record<Name, string>>,
): Readonly<Record<Name, RunScript>> {
  const names = Object.keys(scripts) as Name[];
  for (const name of names) client.defineCommand(name, { numberOfKeys: 1, lua: scripts[name] });
  const commands = client as unknown as Record<string, (...args: Argument[]) => Promise<unknown>>;
  const run = (name: Name): RunScript => ({
    text: (...args) => commands[name]!(base, ...args),
    bytes: (...args) => commands[`${name}Buffer`]!(base, ...args),
  });
  return Object.fromEntries(names.map((name) => [name, run(name)])) as Record<Name, RunScript>;
}
