-- Replies for each id its outcome if it has one, 'alive' where the row waits or runs, and 'lost' where
-- Redis knows nothing of it.
--
-- KEYS: 1 the beginning of every key
-- ARGV: the ids

-- include shared/lanes.lua

local found = {}
for i, id in ipairs(ARGV) do
  local result = call('GET', K .. 'result:' .. id)
  if result and string.sub(result, 1, 1) ~= 'P' then found[i] = result
  else found[i] = call('EXISTS', K .. 'row:' .. id) == 1 and 'alive' or 'lost' end
end
return found
