-- Replies 1 where rows of the content wait, or are in a batch that is not settled, otherwise 0.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 content

-- include shared/batches.lua

if call('EXISTS', dueKey(ARGV[1])) == 1 then return 1 end
for _, batch in ipairs(call('ZRANGE', K .. 'batches', 0, -1)) do
  if call('HGET', batchKey(batch), 'content') == ARGV[1] then return 1 end
end
return 0
