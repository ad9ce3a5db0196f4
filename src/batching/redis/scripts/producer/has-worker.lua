-- Replies 1 where a worker that lives has the content, otherwise 0.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 content

-- include shared/lanes.lua

return tonumber(call('ZSCORE', K .. 'contents', ARGV[1]) or 0) > now and 1 or 0
