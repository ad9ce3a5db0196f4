-- Ends all waiting for company in some lanes.
--
-- KEYS: 1 the beginning of every key
-- ARGV: the lanes

-- include shared/lanes.lua

for _, lane in ipairs(ARGV) do
  if call('EXISTS', laneKey(lane)) == 1 then
    call('HSET', laneKey(lane), 'drain', 1)
    local _, content = refresh(lane)
    wake('due ' .. content .. ' 0')
  end
end
