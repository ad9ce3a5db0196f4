import { LANES } from './lanes.ts';

/**
 * How much later a row's deadline may be in Redis than at its producer: the longest time that the row can
 * have travelled.
 */
const EXPIRY_LAG_MS = 3_000;

/**
 * Accepts a row: 'accepted', 'full', or for kept rows 'attached' (the id waits or runs already, with the
 * milliseconds until that one's deadline) or 'answered' (with its outcome). A kept row's `result:I` is
 * 'P<deadline> <tag of its lane> <memo>' until its outcome, which starts with A or F, takes the place.
 *
 * Of each owner the newest outcomes are kept; `kept:O` sorted set: id -> when it is forgotten, were it
 * answered at once.
 *
 * ARGV: lane, content, model, priority, member, leftMs, bytes, maxBatchSize, maxDelayMs, queueLimit, keepMs
 * or '', memo, producer, owner, outcomes of an owner that are kept
 */
const SUBMIT = `${LANES}
local lane, content, model, priority, member, left = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local max, delay, keep, producer = ARGV[8], ARGV[9], tonumber(ARGV[11]), ARGV[13]
local result = K .. 'result:' .. idOf(member)

if keep then
  local found = call('GET', result)
  local state = found and string.sub(found, 1, 1)
  if state == 'A' then return {'answered', found} end
  -- An earlier row of this id may be running, in time or not: whoever answers first tells all who watch.
  if producer ~= '' then
    local watch = K .. 'watch:' .. idOf(member)
    call('SADD', watch, producer)
    call('PEXPIRE', watch, math.ceil(left + keep))
  end
  local untilDeadline = state == 'P' and string.match(found, '^P(%S+)') - now or 0
  if untilDeadline > 0 then return {'attached', exact(untilDeadline)} end
  sweep(lane)
end

local function isFull() return tonumber(call('HGET', K .. 'depths', model) or 0) >= tonumber(ARGV[10]) end
-- The rows of producers that died count until somebody sweeps. Under overload every row comes by here, hence the pause.
if isFull() and call('SET', K .. 'swept', 1, 'PX', 100, 'NX') then sweepAll() end
if isFull() then return {'full'} end

local known = call('HMGET', laneKey(lane), 'max', 'delay')
local sameLimits = known[1] == max and known[2] == delay
if not sameLimits then call('HSET', laneKey(lane), 'max', max, 'delay', delay, 'content', content, 'model', model) end
local latest = tonumber(call('ZRANGE', orderKey(priority, lane), -1, -1, 'WITHSCORES')[2] or 0)
local accepted = math.max(now, latest + 0.001)
call('ZADD', orderKey(priority, lane), accepted, member)
-- A cluster's client sends again what it got no answer for, and the row may be there already.
local isNew = call('ZADD', expiryKey(lane), now + left, member) == 1
call('SET', rowKey(member), ARGV[7], 'PX', math.ceil(left))
if keep then
  call('SET', result, 'P' .. exact(now + left) .. ' ' .. laneTag(lane) .. ' ' .. ARGV[12], 'PX', math.ceil(left + keep))
  local kept = K .. 'kept:' .. ARGV[14]
  call('ZADD', kept, now + keep, idOf(member))
  call('ZREMRANGEBYSCORE', kept, '-inf', now)
  for _, old in ipairs(call('ZRANGE', kept, 0, -1 - ARGV[15])) do
    local key = K .. 'result:' .. old
    if call('GETRANGE', key, 0, 0) ~= 'P' then call('DEL', key) end
    call('ZREM', kept, old)
  end
  call('PEXPIREAT', kept, math.ceil(call('ZRANGE', kept, -1, -1, 'WITHSCORES')[2]))
end
if isNew then call('HINCRBY', K .. 'depths', model, 1) end

-- Somebody has to know when the first row of a lane is due, and at once when another batch is full.
local depth = call('ZCARD', expiryKey(lane))
if depth == 1 then call('SADD', K .. 'lanes', lane) end
if depth % tonumber(max) == 0 or not sameLimits then
  local due = refresh(lane)
  wake('due ' .. content .. ' ' .. exact(math.max(0, due - now)))
else
  -- An urgent row may come before older ones.
  call('ZADD', rankKey(content), 'LT', rankOf(accepted, tonumber(priority)), lane)
end
return {'accepted'}
`;

/**
 * Gives up a row, waiting or claimed. A row that runs already goes on. A worker may have a claimed row in
 * memory, ready to run, so the workers are told. ARGV: lane, member
 */
const WITHDRAW = `${LANES}
local waited = leave(ARGV[1], {ARGV[2]}) > 0
local existed = call('DEL', rowKey(ARGV[2])) > 0
if existed and not waited then wake('gone ' .. idOf(ARGV[2])) end
`;

/**
 * Ends a kept row that its producer has given up at its deadline. In Redis the deadline is a little later,
 * because the row had to travel, and until then its id would not be free. ARGV: lane, member
 */
const EXPIRE = `${LANES}
leave(ARGV[1], {ARGV[2]})
local result = K .. 'result:' .. idOf(ARGV[2])
local deadline, rest = string.match(call('GET', result) or '', '^P(%S+)( ' .. laneTag(ARGV[1]) .. ' .*)$')
if deadline and deadline - now < ${EXPIRY_LAG_MS} then call('SET', result, 'P0' .. rest, 'KEEPTTL') end
`;

/** Ends all waiting for company in the lanes of ARGV. */
const DRAIN = `${LANES}
for _, lane in ipairs(ARGV) do
  if call('EXISTS', laneKey(lane)) == 1 then
    call('HSET', laneKey(lane), 'drain', 1)
    local _, content = refresh(lane)
    wake('due ' .. content .. ' 0')
  end
end
`;

/**
 * For each id of ARGV its outcome if it has one, 'alive' where it waits or runs, 'lost' where Redis does not
 * know it.
 */
const RECHECK = `${LANES}
local found = {}
for i, id in ipairs(ARGV) do
  local result = call('GET', K .. 'result:' .. id)
  if result and string.sub(result, 1, 1) ~= 'P' then found[i] = result
  else found[i] = call('EXISTS', K .. 'row:' .. id) == 1 and 'alive' or 'lost' end
end
return found
`;

/** A kept row's outcome, or 'P<0 or 1> <memo>': whether it may still be answered. ARGV: id */
const RESULT = `${LANES}
local found = call('GET', K .. 'result:' .. ARGV[1])
if not found or string.sub(found, 1, 1) ~= 'P' then return found end
local deadline, memo = string.match(found, '^P(%S+) %S+ (.*)$')
return 'P' .. (tonumber(deadline) > now and '1' or '0') .. ' ' .. memo
`;

/** ARGV: name, text, milliseconds */
const LEAVE_NOTE = `${LANES}
call('SET', K .. 'note:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
`;

/** ARGV: name */
const NOTE = `${LANES}
return call('GET', K .. 'note:' .. ARGV[1])
`;

/**
 * engines, batches under way, then for each lane: lane, depth, age of the oldest row, max; then the run sums.
 */
const SURVEY = `${LANES}
sweepAll()
local engines = 0
for _, worker in ipairs(call('ZRANGEBYSCORE', K .. 'engines', now, '+inf')) do
  engines = engines + tonumber(string.match(worker, ':(%d+)$'))
end
local lanes = {}
for _, lane in ipairs(call('SMEMBERS', K .. 'lanes')) do
  local content, max, delay, drain = unpack(call('HMGET', laneKey(lane), 'content', 'max', 'delay', 'drain'))
  local depth = call('ZCARD', expiryKey(lane))
  local oldest = tonumber(call('ZSCORE', dueKey(content), lane))
  if depth < tonumber(max) and not drain then oldest = oldest - delay end
  for _, value in ipairs({lane, depth, exact(now - oldest), max}) do lanes[#lanes + 1] = value end
end
return {engines, call('ZCARD', K .. 'batches'), lanes, call('HGETALL', K .. 'times')}
`;

/** In a script, because a cluster's client would ask any node. */
const MEMORY = `${LANES}
return call('INFO', 'memory')
`;

/** 1 where a living worker has the content, otherwise 0. ARGV: content */
const HAS_WORKER = `${LANES}
return tonumber(call('ZSCORE', K .. 'contents', ARGV[1]) or 0) > now and 1 or 0
`;

export const PRODUCER_SCRIPTS = {
  dentSubmit: SUBMIT,
  dentWithdraw: WITHDRAW,
  dentExpire: EXPIRE,
  dentDrain: DRAIN,
  dentRecheck: RECHECK,
  dentResult: RESULT,
  dentLeaveNote: LEAVE_NOTE,
  dentNote: NOTE,
  dentHasWorker: HAS_WORKER,
  dentSurvey: SURVEY,
  dentMemory: MEMORY,
} as const;
