-- Tries commands, and replies '<command> <error>' of each that fails.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 JSON: for each command an array of its name and its arguments
local check = KEYS[1] .. 'check'
local failed = {}
local function try(command, ...)
  local reply = redis.pcall(command, ...)
  if type(reply) == 'table' and reply.err then failed[#failed + 1] = command .. ' ' .. reply.err end
end

try('SET', check, '', 'PX', 1000)
for _, each in ipairs(cjson.decode(ARGV[1])) do try(unpack(each)) end
try('DEL', check)
return failed
