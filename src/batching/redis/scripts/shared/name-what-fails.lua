-- Redis says in which line a script failed, but not by which command. This stands in front of every script,
-- those of BullMQ too, and adds the command's name. Before version 7 of Redis errors cannot be changed.
local redis = redis.REDIS_VERSION_NUM and setmetatable({
  call = function(...)
    local reply = redis.pcall(...)
    if type(reply) == 'table' and reply.err then
      reply.err = reply.err .. ' [command: ' .. (...) .. ']'
      error(reply)
    end
    return reply
  end
}, {__index = redis}) or redis
