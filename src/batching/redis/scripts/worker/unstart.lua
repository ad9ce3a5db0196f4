-- Takes back a start that ended without harm.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 batch

-- include shared/batches.lua

if call('EXISTS', batchKey(ARGV[1])) == 1 then call('HINCRBY', batchKey(ARGV[1]), 'runs', -1) end
