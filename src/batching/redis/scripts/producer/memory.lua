-- Replies what INFO says of memory. A client of a cluster would ask any node; a script asks the one with
-- the keys.
--
-- KEYS: 1 the beginning of every key

-- include shared/lanes.lua

return call('INFO', 'memory')
