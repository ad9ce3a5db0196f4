-- Replies {engines, batches under way, {lane, depth, age of its oldest row, maxBatchSize, ...}, {run key,
-- sums of its run times, ...}}.
--
-- KEYS: 1 the beginning of every key

-- include shared/lanes.lua

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
