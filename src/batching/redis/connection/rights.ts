import { defineScripts } from '../scripts.ts';
import type { RedisClient } from './connect.ts';
import { type Refusals, refusedCommand } from './refusals.ts';

/**
 * Every command that our scripts or BullMQ's call, with harmless arguments: the key `check` holds a string,
 * and most commands expect another type. docs/scaling.md lists them for operators.
 */
function triedCommands(base: string): Readonly<Record<string, readonly string[]>> {
  const check = `${base}check`;
  return {
    EXISTS: [check],
    GET: [check],
    GETRANGE: [check, '0', '0'],
    HDEL: [check, 'f'],
    HGET: [check, 'f'],
    HGETALL: [check],
    HINCRBY: [check, 'f', '1'],
    HMGET: [check, 'f'],
    HMSET: [check, 'f', 'v'],
    HSET: [check, 'f', 'v'],
    INCR: [check],
    INFO: ['memory'],
    LLEN: [check],
    LPOP: [check],
    LPUSH: [check, 'v'],
    LRANGE: [check, '0', '0'],
    LREM: [check, '0', 'v'],
    MGET: [check],
    PEXPIRE: [check, '1000'],
    PEXPIREAT: [`${base}nothing`, '1'],
    PTTL: [check],
    PUBLISH: [`${base}wake`, ''],
    RPOPLPUSH: [check, check],
    RPUSH: [check, 'v'],
    SADD: [check, 'v'],
    SCARD: [check],
    SMEMBERS: [check],
    SREM: [check, 'v'],
    STRLEN: [check],
    TIME: [],
    XADD: [check, '*', 'f', 'v'],
    XTRIM: [check, 'MAXLEN', '1'],
    ZADD: [check, '1', 'v'],
    ZCARD: [check],
    ZCOUNT: [check, '0', '0'],
    ZMSCORE: [check, 'v'],
    ZPOPMIN: [check],
    ZRANGE: [check, '0', '0'],
    ZRANGEBYSCORE: [check, '0', '0'],
    ZREM: [check, 'v'],
    ZREMRANGEBYRANK: [check, '0', '0'],
    ZREMRANGEBYSCORE: [check, '0', '0'],
    ZREVRANGE: [check, '0', '0'],
    ZREVRANGEBYSCORE: [check, '0', '0'],
    ZSCORE: [check, 'v'],
  };
}

const TRIED: readonly string[] = ['SET', 'DEL', ...Object.keys(triedCommands(''))];

/** The commands that are sent by themselves. The first two run all scripts. */
export const SENT: readonly string[] = ['EVAL', 'EVALSHA', 'BLPOP', 'SUBSCRIBE'];

/** Every right that a process of the service needs. */
export const COMMANDS: readonly string[] = [...SENT, ...TRIED].sort();

/** A call that tries every command of the scripts. `refusals` hears which of them Redis refuses. */
export function createRightsCheck(
  client: RedisClient,
  base: string,
  refusals: Refusals,
): () => Promise<void> {
  const scripts = defineScripts(client, base, { dentCheckRights: 'connection/check-rights.lua' });
  const commands = JSON.stringify(Object.entries(triedCommands(base)).map(([name, args]) => [name, ...args]));
  return async () => {
    // The script itself is sent by its hash once Redis has it.
    await client.eval('return 1', 1, base);
    const failed = (await scripts.dentCheckRights.text(commands)) as string[];
    const isRefused = (line: string): boolean => refusedCommand(new Error(line)) !== undefined;
    const refused = failed.filter(isRefused).map((line) => line.slice(0, line.indexOf(' ')));
    refusals.checked(TRIED, [...new Set(refused)]);
  };
}
