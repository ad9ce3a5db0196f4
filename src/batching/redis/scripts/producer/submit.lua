-- Accepts a row, or refuses it.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 lane, 2 content, 3 model:version, 4 priority, 5 member, 6 milliseconds until the deadline, 7 bytes,
--   8 maxBatchSize, 9 maxDelayMs, 10 queueLimit, 11 milliseconds for which the outcome is kept or '',
--   12 memo, 13 producer or '', 14 owner, 15 how many outcomes of an owner are kept
-- Replies {'accepted'} or {'full'}, and for a kept row also {'attached', milliseconds until the deadline of
-- the earlier row of this id, which waits or runs} or {'answered', its outcome}.
--
-- `result:I` of a kept row is 'P<deadline> <tag of its lane> <memo>' until its outcome takes the place,
-- which begins with A or F. The newest outcomes of each owner are kept. `kept:O` is a sorted set: id ->
-- when the outcome would be forgotten if the row were answered at once.

-- include shared/lanes.lua

local lane, content, model, priority, member = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local left = tonumber(ARGV[6])
local max, delay, keep, producer = ARGV[8], ARGV[9], tonumber(ARGV[11]), ARGV[13]
local result = K .. 'result:' .. idOf(member)

if keep then
  local found = call('GET', result)
  local state = found and string.sub(found, 1, 1)
  if state == 'A' then return {'answered', found} end
  -- An earlier row of this id may be running, in time or not. The first answer is sent to all that watch.
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
-- The rows of producers that died count until somebody sweeps. Under overload every row comes by here,
-- hence the pause.
if isFull() and call('SET', K .. 'swept', 1, 'PX', 100, 'NX') then sweepAll() end
if isFull() then return {'full'} end

local known = call('HMGET', laneKey(lane), 'max', 'delay')
local sameLimits = known[1] == max and known[2] == delay
if not sameLimits then
  call('HSET', laneKey(lane), 'max', max, 'delay', delay, 'content', content, 'model', model)
end
local latest = tonumber(call('ZRANGE', orderKey(priority, lane), -1, -1, 'WITHSCORES')[2] or 0)
local accepted = math.max(now, latest + 0.001)
call('ZADD', orderKey(priority, lane), accepted, member)
-- A cluster's client sends again what it got no answer for, and the row may be there already.
local isNew = call('ZADD', expiryKey(lane), now + left, member) == 1
call('SET', rowKey(member), ARGV[7], 'PX', math.ceil(left))
if keep then
  local underWay = 'P' .. exact(now + left) .. ' ' .. laneTag(lane) .. ' ' .. ARGV[12]
  call('SET', result, underWay, 'PX', math.ceil(left + keep))
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
