-- Takes back that a worker lives.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 worker, 2 concurrency

-- include shared/batches.lua

call('ZREM', K .. 'engines', ARGV[1] .. ':' .. ARGV[2])
