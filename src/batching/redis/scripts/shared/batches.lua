-- What the scripts of a worker need beside the lanes.
--
-- Keys:
--   batch:B           hash: content, lane, reason, rows (lines of member, accepted, deadline), runs
--                     (starts that were not settled)
--   batches           sorted set: batch -> when somebody last made sure that it has a job
--   result:I          the outcome of a row
--   watch:I           set of the further producers that wait for the row
--   reply:P           list of the outcomes for a producer
--   times             hash: run key -> decayed sums of run times
--   engines           sorted set: worker:concurrency -> until when it lives
--   contents          sorted set: what workers can run -> until when one of them lives

-- include shared/lanes.lua

local function batchKey(batch) return K .. 'batch:' .. batch end

-- The rows of a lane are of one size. 0 where the first is gone.
local function rowBytes(rows) return call('STRLEN', rowKey(string.match(rows, '^%S+'))) end

local function store(batch, content, lane, reason, rows, runs, lifeMs)
  local key = batchKey(batch)
  call('HSET', key, 'content', content, 'lane', lane, 'reason', reason, 'rows', rows, 'runs', runs)
  call('PEXPIRE', key, math.ceil(math.max(lifeMs, 1)))
  call('ZADD', K .. 'batches', now, batch)
end
