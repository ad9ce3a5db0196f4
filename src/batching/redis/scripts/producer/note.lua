-- Replies the text that was left under a name.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 name

-- include shared/lanes.lua

return call('GET', K .. 'note:' .. ARGV[1])
