-- Records the outcomes of a batch and sends each to the producers that wait for it. A row that has an
-- outcome keeps it, so a batch that was run twice is answered once. The id of a kept row that expired in
-- its run may belong to a row of another lane by now; that row waits for its own outcome.
--
-- KEYS: 1 the beginning of every key
-- ARGV: 1 batch, 2 lane, 3 run key, or '' where nothing was run, 4 rows that were run,
--   5 milliseconds of the run, then three for each row: member, milliseconds for which the outcome is kept
--   or '', outcome
--
-- `scripts.ts` puts MAX_TIMES_MEAN and RUN_DECAY of run-time.ts in front of every script.

-- include shared/batches.lua

-- How long the replies are kept for a producer that does not fetch them: it is dead, or finds them under
-- `result:I`.
local REPLY_MS = 60000
-- The outcome of a row that is not kept can be read again, by a producer whose connection broke as it came:
-- so much longer than the deadline of the row, and so long at most.
local RESULT_GRACE_MS = 1000
local RESULT_MS = 10000

local replies, rows = {}, {}
local tag = laneTag(ARGV[2])
local function reply(producer, outcome)
  replies[producer] = replies[producer] or {}
  table.insert(replies[producer], outcome)
end

for i = 6, #ARGV, 3 do
  local member, outcome = ARGV[i], ARGV[i + 2]
  local keep = tonumber(ARGV[i + 1])
  local result = K .. 'result:' .. idOf(member)
  local found = call('GET', result) or ''
  local state = string.sub(found, 1, 1)
  local isAnothers = state == 'P' and string.match(found, '^P%S+ (%S+)') ~= tag
  if not isAnothers and (state == '' or state == 'P') then
    local left = math.max(0, call('PTTL', rowKey(member)))
    call('SET', result, outcome, 'PX', keep or math.min(RESULT_MS, left + RESULT_GRACE_MS))
    local producer = string.match(member, '^[^:]*')
    if producer ~= '' then reply(producer, outcome) end
    if keep then
      local watch = K .. 'watch:' .. idOf(member)
      for _, other in ipairs(call('SMEMBERS', watch)) do
        if other ~= producer then reply(other, outcome) end
      end
      call('DEL', watch)
    end
  end
  if not isAnothers then rows[#rows + 1] = rowKey(member) end
end
for producer, outcomes in pairs(replies) do
  local list = K .. 'reply:' .. producer
  inParts(outcomes, function(...) call('RPUSH', list, ...) end)
  call('PEXPIRE', list, REPLY_MS)
end
inParts(rows, function(...) call('DEL', ...) end)
call('DEL', batchKey(ARGV[1]))
call('ZREM', K .. 'batches', ARGV[1])

if ARGV[3] ~= '' then
  -- As addRun of run-time.ts.
  local x, y = tonumber(ARGV[4]), tonumber(ARGV[5])
  local found = call('HGET', K .. 'times', ARGV[3]) or '0 0 0 0 0 0 0'
  local count, sumX, sumY = string.match(found, '^(%S+) (%S+) (%S+)')
  if tonumber(count) > 0 then y = math.min(y, MAX_TIMES_MEAN * sumY * math.max(1 / count, x / sumX)) end
  local added, sums, i = {1, x, y, x * x, x * y, y * y}, {}, 0
  for old in string.gmatch(found, '%S+') do
    i = i + 1
    if i <= 6 then sums[i] = string.format('%.17g', old * RUN_DECAY + added[i]) end
  end
  sums[7] = exact(now)
  call('HSET', K .. 'times', ARGV[3], table.concat(sums, ' '))
end
