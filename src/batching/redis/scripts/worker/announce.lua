-- Tells the workers that a job of a content waits.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 content

-- include shared/batches.lua

wake('job ' .. ARGV[1])
