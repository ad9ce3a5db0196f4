-- Ends a kept row that its producer has given up at its deadline. The deadline in Redis is a little later,
-- by the time that the row was on its way; until then its id would not be free.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 lane, 2 member

-- include shared/lanes.lua

-- The longest time that a row can have been on its way.
local EXPIRY_LAG_MS = 3000

leave(ARGV[1], {ARGV[2]})
local result = K .. 'result:' .. idOf(ARGV[2])
local deadline, rest = string.match(call('GET', result) or '', '^P(%S+)( ' .. laneTag(ARGV[1]) .. ' .*)$')
if deadline and deadline - now < EXPIRY_LAG_MS then call('SET', result, 'P0' .. rest, 'KEEPTTL') end
