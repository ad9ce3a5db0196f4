import { defineScripts } from '../scripts/scripts.ts';
import type { RedisClient } from './connect.ts';
import { type Refusals, refusedCommand } from './refusals.ts';

/**
 * Every command that our scripts or BullMQ's call, with harmless arguments: `K .. 'check'` holds a string,
 * and most commands expect another type. docs/scaling.md lists them for operators.
 */
const TRIED: Readonly<Record<string, string>> = {
  EXISTS: "K .. 'check'",
  GET: "K .. 'check'",
  GETRANGE: "K .. 'check', '0', '0'",
  HDEL: "K .. 'check', 'f'",
  HGET: "K .. 'check', 'f'",
  HGETALL: "K .. 'check'",
  HINCRBY: "K .. 'check', 'f', '1'",
  HMGET: "K .. 'check', 'f'",
  HMSET: "K .. 'check', 'f', 'v'",
  HSET: "K .. 'check', 'f', 'v'",
  INCR: "K .. 'check'",
  INFO: "'memory'",
  LLEN: "K .. 'check'",
  LPOP: "K .. 'check'",
  LPUSH: "K .. 'check', 'v'",
  LRANGE: "K .. 'check', '0', '0'",
  LREM: "K .. 'check', '0', 'v'",
  MGET: "K .. 'check'",
  PEXPIRE: "K .. 'check', '1000'",
  PEXPIREAT: "K .. 'nothing', '1'",
  PTTL: "K .. 'check'",
  PUBLISH: "K .. 'wake', ''",
  RPOPLPUSH: "K .. 'check', K .. 'check'",
  RPUSH: "K .. 'check', 'v'",
  SADD: "K .. 'check', 'v'",
  SCARD: "K .. 'check'",
  SMEMBERS: "K .. 'check'",
  SREM: "K .. 'check', 'v'",
  STRLEN: "K .. 'check'",
  TIME: '',
  XADD: "K .. 'check', '*', 'f', 'v'",
  XTRIM: "K .. 'check', 'MAXLEN', '1'",
  ZADD: "K .. 'check', '1', 'v'",
  ZCARD: "K .. 'check'",
  ZCOUNT: "K .. 'check', '0', '0'",
  ZMSCORE: "K .. 'check', 'v'",
  ZPOPMIN: "K .. 'check'",
  ZRANGE: "K .. 'check', '0', '0'",
  ZRANGEBYSCORE: "K .. 'check', '0', '0'",
  ZREM: "K .. 'check', 'v'",
  ZREMRANGEBYRANK: "K .. 'check', '0', '0'",
  ZREMRANGEBYSCORE: "K .. 'check', '0', '0'",
  ZREVRANGE: "K .. 'check', '0', '0'",
  ZREVRANGEBYSCORE: "K .. 'check', '0', '0'",
  ZSCORE: "K .. 'check', 'v'",
};

/** The commands that are sent by themselves. The first two run all scripts. */
export const SENT: readonly string[] = ['EVAL', 'EVALSHA', 'BLPOP', 'SUBSCRIBE'];

/** Every right that a process of the service needs. */
export const COMMANDS: readonly string[] = [...SENT, 'SET', 'DEL', ...Object.keys(TRIED)].sort();

const CHECK = `
local K = KEYS[1]
local refused = {}
local function try(command, ...)
  local reply = redis.pcall(command, ...)
  if type(reply) == 'table' and reply.err then refused[#refused + 1] = command .. ' ' .. reply.err end
end
try('SET', K .. 'check', '', 'PX', 1000)
${Object.entries(TRIED)
  .map(([command, args]) => `try('${command}'${args && `, ${args}`})`)
  .join('\n')}
try('DEL', K .. 'check')
return refused
`;

/** A call that tries every command of the scripts. `refusals` hears which of them Redis refuses. */
export function createRightsCheck(
  client: RedisClient,
  base: string,
  refusals: Refusals,
): () => Promise<void> {
  const scripts = defineScripts(client, base, { dentCheckRights: CHECK });
  return async () => {
    // The script itself is sent by its hash once Redis has it.
    await client.eval('return 1', 1, base);
    const failed = (await scripts.dentCheckRights.text()) as string[];
    const isRefused = (line: string): boolean => refusedCommand(new Error(line)) !== undefined;
    const refused = failed.filter(isRefused).map((line) => line.slice(0, line.indexOf(' ')));
    refusals.checked(['SET', 'DEL', ...Object.keys(TRIED)], [...new Set(refused)]);
  };
}
