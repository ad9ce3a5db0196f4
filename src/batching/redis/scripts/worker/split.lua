-- Makes two batches of one. Each counts as started once: the next harm splits it again.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 batch, 2 id for the first half, 3 id for the second half

-- include shared/batches.lua

local found = call('HMGET', batchKey(ARGV[1]), 'content', 'lane', 'reason', 'rows')
local content, lane, reason, rows = unpack(found)
if not rows then return end
local life = call('PTTL', batchKey(ARGV[1]))
local lines = {}
for line in string.gmatch(rows, '[^\n]+') do lines[#lines + 1] = line end
local half = math.ceil(#lines / 2)
store(ARGV[2], content, lane, reason, table.concat(lines, '\n', 1, half), 1, life)
store(ARGV[3], content, lane, reason, table.concat(lines, '\n', half + 1), 1, life)
call('DEL', batchKey(ARGV[1]))
call('ZREM', K .. 'batches', ARGV[1])
