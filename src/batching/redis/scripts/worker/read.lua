-- Replies a claimed batch as it was stored, {lane, reason, rows, bytes of a row}, or nothing where it is
-- settled or of no use any more.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 batch

-- include shared/batches.lua

local found = call('HMGET', batchKey(ARGV[1]), 'lane', 'reason', 'rows')
if not found[1] then return false end
found[4] = rowBytes(found[3])
return found
