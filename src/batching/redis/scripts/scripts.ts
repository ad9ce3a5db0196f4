import type { RedisClient } from '../connection/connect.ts';

type Argument = string | number | Buffer;

/** Runs one script: replies as text, or as bytes where the reply holds any. */
export interface RunScript {
  text(...args: Argument[]): Promise<unknown>;
  bytes(...args: Argument[]): Promise<unknown>;
}

/**
 * Redis reports the line in which a script failed, but not the command. Before version 7 errors cannot be
 * changed.
 */
const NAME_WHAT_FAILS = `
local redis = redis.REDIS_VERSION_NUM and setmetatable({
  call = function(...)
    local reply = redis.pcall(...)
    if type(reply) == 'table' and reply.err then
      reply.err = reply.err .. ' [command: ' .. (...) .. ']'
      error(reply)
    end
    return reply
  end
}, {__index = redis}) or redis
`;

/**
 * Without memory Redis refuses commands of a script that need some, but not after the script's first write:
 * so no script stops half done.
 */
const WRITE_FIRST = `redis.call('DEL', KEYS[1] .. ':nothing')\n`;

/**
 * Makes every script that is defined from now on, by any library, report which of its commands failed.
 * `evenWhenFull`: they also run when Redis has no memory left; for scripts that free memory in the end.
 */
export function prepareScripts(client: RedisClient, { evenWhenFull }: { evenWhenFull: boolean }): void {
  const define = client.defineCommand.bind(client);
  client.defineCommand = (name, { lua, ...definition }) =>
    define(name, {
      ...definition,
      lua: `${NAME_WHAT_FAILS}${evenWhenFull ? WRITE_FIRST : ''}${lua}`,
    });
}

/**
 * Makes `scripts` known to the client, which sends their text once and their hash from then on. Each gets
 * `base` as its one key, which decides where in a cluster it runs.
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
