-- Counts a start of the batch. Replies {starts that were not settled, with this one; now; for each row '1'
-- where somebody still waits for it, otherwise '0'}, or nothing where the batch is settled or of no use any
-- more.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 batch

-- include shared/batches.lua

local rows = call('HGET', batchKey(ARGV[1]), 'rows')
if not rows then
  call('ZREM', K .. 'batches', ARGV[1])
  return false
end
local keys, existing, alive = {}, 0, {}
for member in string.gmatch(rows, '(%S+) %S+ %S+') do keys[#keys + 1] = rowKey(member) end
inParts(keys, function(...) existing = existing + call('EXISTS', ...) end)
for i, key in ipairs(keys) do alive[i] = existing == #keys and 1 or call('EXISTS', key) end
return {call('HINCRBY', batchKey(ARGV[1]), 'runs', 1), exact(now), table.concat(alive)}
