-- Takes the batch that is to start now: of the lanes that may start, that with the row of lowest rank.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 id for the batch, 2 '1' to take one only where another full batch stays behind, otherwise '0',
--   3... the contents that the worker can run
-- Replies {lane, content, reason, rows, bytes of a row, how many batches there are, now}, or, where no
-- batch may start, {milliseconds until the next one may or '-1', how many batches there are}.

-- include shared/batches.lua

-- How long a batch outlives the last deadline of its rows.
local BATCH_GRACE_MS = 60000
-- How many lanes of a content are looked at for a batch ahead of time.
local LOOK_AHEAD = 16

local batch, ahead = ARGV[1], ARGV[2] == '1'
local best, bestRank, bestContent, nextDue

local function mayStart(lane, content)
  if tonumber(call('ZSCORE', dueKey(content), lane)) > now then return false end
  return not ahead or call('ZCARD', expiryKey(lane)) >= 2 * call('HGET', laneKey(lane), 'max')
end

-- By rank until one may start. Those that may not are the youngest, so that is nearly always the first,
-- however many there are; for a batch ahead of time a few are enough.
local function consider(content)
  if call('ZCOUNT', dueKey(content), '-inf', now) == 0 then return end
  local at = 0
  while not ahead or at < LOOK_AHEAD do
    local lane, rank = unpack(call('ZRANGE', rankKey(content), at, at, 'WITHSCORES'))
    rank = tonumber(rank)
    if not lane or best and rank >= bestRank then return end
    -- Swept, it may have another rank, or be gone.
    if not sweep(lane) then
      if mayStart(lane, content) then
        best, bestRank, bestContent = lane, rank, content
        return
      end
      at = at + 1
    end
  end
end

for i = 3, #ARGV do
  consider(ARGV[i])
  local due = tonumber(call('ZRANGEBYSCORE', dueKey(ARGV[i]), now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
  if due then nextDue = math.min(nextDue or due, due) end
end
if not best then return {nextDue and exact(nextDue - now) or '-1', call('ZCARD', K .. 'batches')} end

local max, delay = unpack(call('HMGET', laneKey(best), 'max', 'delay'))
local oldest = heads(best)
local depth = call('ZCARD', expiryKey(best))
local reason = depth >= tonumber(max) and 'full' or oldest + delay <= now and 'window' or 'drain'

local levels, at = {}, {1, 1, 1}
for priority = 1, 3 do
  levels[priority] = call('ZRANGE', orderKey(priority, best), 0, max - 1, 'WITHSCORES')
end
local members, accepted = {}, {}
while #members < math.min(depth, tonumber(max)) do
  local first, firstRank
  for priority = 1, 3 do
    local score = tonumber(levels[priority][at[priority] + 1])
    local rank = score and rankOf(score, priority)
    if rank and (not first or rank < firstRank) then first, firstRank = priority, rank end
  end
  members[#members + 1] = levels[first][at[first]]
  accepted[#accepted + 1] = levels[first][at[first] + 1]
  at[first] = at[first] + 2
end

local rows, last = {}, now
inParts(members, function(...)
  for _, deadline in ipairs(call('ZMSCORE', expiryKey(best), ...)) do
    local i = #rows + 1
    rows[i] = members[i] .. ' ' .. accepted[i] .. ' ' .. deadline
    last = math.max(last, tonumber(deadline))
  end
end)
rows = table.concat(rows, '\n')
store(batch, bestContent, best, reason, rows, 0, last - now + BATCH_GRACE_MS)
leave(best, members)
return {best, bestContent, reason, rows, rowBytes(rows), call('ZCARD', K .. 'batches'), exact(now)}
