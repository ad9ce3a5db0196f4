-- What every script needs: the clock, the names of the keys, and the operations on a lane.
--
-- KEYS: 1 the beginning of every key, `{prefix}:`. All names are built from it and share its hash tag, so a
-- cluster keeps all of them on one node.
--
-- Keys:
--   lane:L            hash: content, model, max, delay (the limits), drain. L is the text of lane-key.ts, so
--                     rows meet only where every API process means the same by their model and version
--   order1:L .. order3:L
--                     sorted sets, one for each priority: member -> when it was accepted
--   expiry:L          sorted set: member -> its deadline. Its size is the depth of the lane
--   due:C             sorted set for each content: lane -> when its next batch may start
--   rank:C            sorted set for each content: lane -> its lowest rank
--   lanes             set of the lanes with rows
--   depths            hash: model:version -> rows that wait
--   row:I             the bytes of the row. It is gone where the row is cancelled, expired or answered:
--                     then nobody runs it any more
--
-- A member is `producer:id`. Times are milliseconds of Redis's own clock, with fractions: the clocks of the
-- other machines do not matter. The rows of a lane have distinct times, so they stay in order.
--
-- `scripts.ts` puts PRIORITY_STEP_MS of policy.ts in front of every script. The rules here and in
-- worker/claim.lua are those of policy.ts and collector.ts; same-policy.test.ts holds the two together.

local K, call = KEYS[1], redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000

local function idOf(member) return string.match(member, ':(.*)$') end
local function rowKey(member) return K .. 'row:' .. idOf(member) end
local function laneKey(lane) return K .. 'lane:' .. lane end
local function orderKey(priority, lane) return K .. 'order' .. priority .. ':' .. lane end
local function expiryKey(lane) return K .. 'expiry:' .. lane end
local function dueKey(content) return K .. 'due:' .. content end
local function rankKey(content) return K .. 'rank:' .. content end
local function rankOf(at, priority) return at + (priority - 1) * PRIORITY_STEP_MS end
-- Names a lane in few bytes.
local function laneTag(lane) return redis.sha1hex(lane) end
local function exact(ms) return string.format('%.3f', ms) end

-- Calls with many arguments, in parts that fit Lua's stack.
local function inParts(list, each)
  for from = 1, #list, 1000 do each(unpack(list, from, math.min(from + 999, #list))) end
end

local function wake(what) call('PUBLISH', K .. 'wake', what) end

-- The first row of each priority decides when the lane is due and where it stands among others.
local function heads(lane)
  local oldest, rank
  for priority = 1, 3 do
    local at = tonumber(call('ZRANGE', orderKey(priority, lane), 0, 0, 'WITHSCORES')[2])
    if at then
      oldest = math.min(oldest or at, at)
      rank = math.min(rank or math.huge, rankOf(at, priority))
    end
  end
  return oldest, rank
end

-- Brings what is derived from a lane's rows up to date. Lanes without rows leave nothing behind.
local function refresh(lane)
  local content, max, delay, drain = unpack(call('HMGET', laneKey(lane), 'content', 'max', 'delay', 'drain'))
  if not content then return end
  local depth = call('ZCARD', expiryKey(lane))
  if depth == 0 then
    call('DEL', laneKey(lane))
    call('SREM', K .. 'lanes', lane)
    call('ZREM', dueKey(content), lane)
    call('ZREM', rankKey(content), lane)
    return
  end
  local due, rank = heads(lane)
  if depth < tonumber(max) and not drain then due = due + delay end
  call('ZADD', dueKey(content), due, lane)
  call('ZADD', rankKey(content), rank, lane)
  return due, content
end

-- Takes rows that wait out of their lane, and says how many did.
local function leave(lane, members)
  local left = 0
  inParts(members, function(...) left = left + call('ZREM', expiryKey(lane), ...) end)
  if left > 0 then
    for priority = 1, 3 do
      inParts(members, function(...) call('ZREM', orderKey(priority, lane), ...) end)
    end
    local model = call('HGET', laneKey(lane), 'model')
    if call('HINCRBY', K .. 'depths', model, -left) <= 0 then call('HDEL', K .. 'depths', model) end
    refresh(lane)
  end
  return left
end

-- Whether there was anything to sweep. The bytes of an expired row expire by themselves; under its id there
-- may be a new row by now, in another lane.
local function sweep(lane)
  local expired = call('ZRANGEBYSCORE', expiryKey(lane), '-inf', now)
  if #expired == 0 then return false end
  leave(lane, expired)
  return true
end

local function sweepAll()
  local lanes = call('SMEMBERS', K .. 'lanes')
  for _, lane in ipairs(lanes) do sweep(lane) end
end
