-- What a worker does now and then: it says that it lives and what it can run, and forgets what is out of
-- date. Replies {batch, content, ...} of the batches that have not been settled for a while and may have
-- lost their job.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 worker, 2 concurrency, 3 milliseconds for which it is believed to live, 4 milliseconds after
--   which a batch may have lost its job, 5... the contents that it can run

-- include shared/batches.lua

local DAY_MS = 86400000

if ARGV[2] ~= '0' then call('ZADD', K .. 'engines', now + ARGV[3], ARGV[1] .. ':' .. ARGV[2]) end
call('ZREMRANGEBYSCORE', K .. 'engines', '-inf', now)
for i = 5, #ARGV do call('ZADD', K .. 'contents', now + ARGV[3], ARGV[i]) end
call('ZREMRANGEBYSCORE', K .. 'contents', '-inf', now)
if #ARGV > 4 then call('PEXPIRE', K .. 'contents', ARGV[3]) end
local runs = call('HGETALL', K .. 'times')
for i = 1, #runs, 2 do
  if tonumber(string.match(runs[i + 1], '%S+$')) < now - DAY_MS then call('HDEL', K .. 'times', runs[i]) end
end
local orphans = {}
for _, batch in ipairs(call('ZRANGEBYSCORE', K .. 'batches', '-inf', now - ARGV[4], 'LIMIT', 0, 100)) do
  local content = call('HGET', batchKey(batch), 'content')
  if content then
    call('ZADD', K .. 'batches', now, batch)
    orphans[#orphans + 1] = batch
    orphans[#orphans + 1] = content
  else
    call('ZREM', K .. 'batches', batch)
  end
end
return orphans
