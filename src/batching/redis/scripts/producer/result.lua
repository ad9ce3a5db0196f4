-- Replies the outcome of a kept row, or 'P<1 or 0> <memo>': whether it may still be answered.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 id

-- include shared/lanes.lua

local found = call('GET', K .. 'result:' .. ARGV[1])
if not found or string.sub(found, 1, 1) ~= 'P' then return found end
local deadline, memo = string.match(found, '^P(%S+) %S+ (.*)$')
return 'P' .. (tonumber(deadline) > now and '1' or '0') .. ' ' .. memo
