-- Gives up a row that waits or is claimed; one that runs goes on. A worker may have a claimed one in
-- memory, ready to run, so the workers are told.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 lane, 2 member

-- include shared/lanes.lua

local waited = leave(ARGV[1], {ARGV[2]}) > 0
local existed = call('DEL', rowKey(ARGV[2])) > 0
if existed and not waited then wake('gone ' .. idOf(ARGV[2])) end
