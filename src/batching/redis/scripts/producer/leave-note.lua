-- Leaves a text for a time.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 name, 2 text, 3 milliseconds

-- include shared/lanes.lua

call('SET', K .. 'note:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
