import { MAX_SURPRISE, RUN_DECAY } from '../../run-time.ts';
import { LANES } from './lanes.ts';

/** How long a batch outlives the last deadline of its rows. */
const BATCH_GRACE_MS = 60_000;
/**
 * How long the replies to a producer that does not fetch them are kept. It is dead, or finds them under
 * `result:I`.
 */
const REPLY_MS = 60_000;
/**
 * How long the answer of a row that is not kept can be read again, for a producer whose connection broke when
 * it came. Also how much longer than its deadline at most.
 */
const RESULT_MS = 10_000;
const RESULT_GRACE_MS = 1_000;
const DAY_MS = 86_400_000;
/** How many lanes of a content are examined for a batch ahead of time. */
const LOOK_AHEAD = 16;

/**
 * - `batch:B` hash: content, lane, reason, rows (lines of member, accepted, deadline), runs (starts that were
 *   not settled)
 * - `batches` sorted set: batch -> when somebody last made sure that it has a job
 * - `result:I` the outcome of a row; `watch:I` set of the further producers that wait for it
 * - `reply:P` list of outcomes for a producer
 * - `times` hash: run key -> decayed sums of run times; `engines` sorted set: worker:concurrency -> until
 *   when it lives
 * - `contents` sorted set: what workers can run -> until when one of them lives
 */
const BATCHES = `${LANES}
local function batchKey(batch) return K .. 'batch:' .. batch end

-- The rows of a lane are of one size. 0 where the first is gone.
local function rowBytes(rows) return call('STRLEN', rowKey(string.match(rows, '^%S+'))) end

local function store(batch, content, lane, reason, rows, runs, lifeMs)
  call('HSET', batchKey(batch), 'content', content, 'lane', lane, 'reason', reason, 'rows', rows, 'runs', runs)
  call('PEXPIRE', batchKey(batch), math.ceil(math.max(lifeMs, 1)))
  call('ZADD', K .. 'batches', now, batch)
end
`;

/**
 * Takes the batch to start now: of the lanes that may start, the one with the row of lowest rank. Returns
 * {lane, content, reason, rows, bytes of a row, batches, now}, or {milliseconds until the next one may start,
 * or -1; batches}. `batches` is their number.
 *
 * ARGV: batch, '1' to take only where another full batch remains, contents...
 */
const CLAIM = `${BATCHES}
local batch, ahead = ARGV[1], ARGV[2] == '1'
local best, bestRank, bestContent, nextDue

local function mayStart(lane, content)
  if tonumber(call('ZSCORE', dueKey(content), lane)) > now then return false end
  return not ahead or call('ZCARD', expiryKey(lane)) >= 2 * call('HGET', laneKey(lane), 'max')
end

-- By rank until one may start. Those that may not are the youngest, so that is nearly always the first, however many there
-- are; for a batch ahead of time a few are enough.
local function consider(content)
  if call('ZCOUNT', dueKey(content), '-inf', now) == 0 then return end
  local at = 0
  while not ahead or at < ${LOOK_AHEAD} do
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
for priority = 1, 3 do levels[priority] = call('ZRANGE', orderKey(priority, best), 0, max - 1, 'WITHSCORES') end
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
rows = table.concat(rows, '\\n')
store(batch, bestContent, best, reason, rows, 0, last - now + ${BATCH_GRACE_MS})
leave(best, members)
return {best, bestContent, reason, rows, rowBytes(rows), call('ZCARD', K .. 'batches'), exact(now)}
`;

/**
 * A claimed batch as it was stored: {lane, reason, rows, bytes of a row}. Nothing where it is settled or not
 * needed any more. ARGV: batch
 */
const READ = `${BATCHES}
local found = call('HMGET', batchKey(ARGV[1]), 'lane', 'reason', 'rows')
if not found[1] then return false end
found[4] = rowBytes(found[3])
return found
`;

/**
 * Counts a start of the batch. Returns {starts that were not settled, including this one; now; for each row
 * '1' where somebody still waits for it}. Nothing where the batch is settled or not needed any more. ARGV:
 * batch
 */
const START = `${BATCHES}
local rows = call('HGET', batchKey(ARGV[1]), 'rows')
if not rows then
  call('ZREM', K .. 'batches', ARGV[1])
  return false
end
local keys, existing, alive = {}, 0, {}
for member in string.gmatch(rows, '(%S+) %S+ %S+') do keys[#keys + 1] = rowKey(member) end
inParts(keys, function(...) existing = existing + call('EXISTS', ...) end)
for i, key in ipairs(keys) do alive[i] = existing == #keys and 1 or call('EXISTS', key) end
return {call('HINCRBY', batchKey(ARGV[1]), 'runs', 1), exact(now), table.concat(alive)}
`;

/** Takes back a start that ended without harm. ARGV: batch */
const UNSTART = `${BATCHES}
if call('EXISTS', batchKey(ARGV[1])) == 1 then call('HINCRBY', batchKey(ARGV[1]), 'runs', -1) end
`;

/**
 * Makes two batches of one. Each counts as started once, so the next harm splits it again. ARGV: batch,
 * first, second
 */
const SPLIT = `${BATCHES}
local content, lane, reason, rows = unpack(call('HMGET', batchKey(ARGV[1]), 'content', 'lane', 'reason', 'rows'))
if not rows then return end
local life = call('PTTL', batchKey(ARGV[1]))
local lines = {}
for line in string.gmatch(rows, '[^\\n]+') do lines[#lines + 1] = line end
local half = math.ceil(#lines / 2)
store(ARGV[2], content, lane, reason, table.concat(lines, '\\n', 1, half), 1, life)
store(ARGV[3], content, lane, reason, table.concat(lines, '\\n', half + 1), 1, life)
call('DEL', batchKey(ARGV[1]))
call('ZREM', K .. 'batches', ARGV[1])
`;

/**
 * Records the outcomes of a batch and sends each to the producers that wait. A row that has an outcome
 * already keeps it, so a batch that ran twice is answered once. If a kept row expired during its run and its
 * id now belongs to a row of another lane, that row waits for its own outcome.
 *
 * ARGV: batch, lane, run key or '', rows that were run, milliseconds of the run, then for each row: member,
 * keepMs or '', outcome
 */
const SETTLE = `${BATCHES}
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
    call('SET', result, outcome, 'PX', keep or math.min(${RESULT_MS}, left + ${RESULT_GRACE_MS}))
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
  call('PEXPIRE', list, ${REPLY_MS})
end
inParts(rows, function(...) call('DEL', ...) end)
call('DEL', batchKey(ARGV[1]))
call('ZREM', K .. 'batches', ARGV[1])

if ARGV[3] ~= '' then
  -- As addRun of run-time.ts.
  local x, y = tonumber(ARGV[4]), tonumber(ARGV[5])
  local found = call('HGET', K .. 'times', ARGV[3]) or '0 0 0 0 0 0 0'
  local count, sumX, sumY = string.match(found, '^(%S+) (%S+) (%S+)')
  if tonumber(count) > 0 then y = math.min(y, ${MAX_SURPRISE} * sumY * math.max(1 / count, x / sumX)) end
  local added, sums, i = {1, x, y, x * x, x * y, y * y}, {}, 0
  for old in string.gmatch(found, '%S+') do
    i = i + 1
    if i <= 6 then sums[i] = string.format('%.17g', old * ${RUN_DECAY} + added[i]) end
  end
  sums[7] = exact(now)
  call('HSET', K .. 'times', ARGV[3], table.concat(sums, ' '))
end
`;

/**
 * A worker's regular report: says that it lives, forgets what is out of date, and returns {batch, content,
 * ...} of batches that have not been settled for a while and may have lost their job. ARGV: worker,
 * concurrency, lifeMs, orphanMs, contents...
 */
const TEND = `${BATCHES}
if ARGV[2] ~= '0' then call('ZADD', K .. 'engines', now + ARGV[3], ARGV[1] .. ':' .. ARGV[2]) end
call('ZREMRANGEBYSCORE', K .. 'engines', '-inf', now)
for i = 5, #ARGV do call('ZADD', K .. 'contents', now + ARGV[3], ARGV[i]) end
call('ZREMRANGEBYSCORE', K .. 'contents', '-inf', now)
if #ARGV > 4 then call('PEXPIRE', K .. 'contents', ARGV[3]) end
local runs = call('HGETALL', K .. 'times')
for i = 1, #runs, 2 do
  if tonumber(string.match(runs[i + 1], '%S+$')) < now - ${DAY_MS} then call('HDEL', K .. 'times', runs[i]) end
end
local orphans = {}
for _, batch in ipairs(call('ZRANGEBYSCORE', K .. 'batches', '-inf', now - ARGV[4], 'LIMIT', 0, 100)) do
  local content = call('HGET', batchKey(batch), 'content')
  if content then
    call('ZADD', K .. 'batches', now, batch)
    orphans[#orphans + 1] = batch
    orphans[#orphans + 1] = content
  else
    call('ZREM', K .. 'batches', batch)
  end
end
return orphans
`;

/** ARGV: worker, concurrency */
const RETIRE = `${BATCHES}
call('ZREM', K .. 'engines', ARGV[1] .. ':' .. ARGV[2])
`;

/** 1 where rows of the content wait, or are in a batch that is not settled, otherwise 0. ARGV: content */
const AWAITED = `${BATCHES}
if call('EXISTS', dueKey(ARGV[1])) == 1 then return 1 end
for _, batch in ipairs(call('ZRANGE', K .. 'batches', 0, -1)) do
  if call('HGET', batchKey(batch), 'content') == ARGV[1] then return 1 end
end
return 0
`;

/** Tells the workers that a job of a content waits. ARGV: content */
const ANNOUNCE = `${BATCHES}
wake('job ' .. ARGV[1])
`;

export const WORKER_SCRIPTS = {
  dentClaim: CLAIM,
  dentRead: READ,
  dentStart: START,
  dentUnstart: UNSTART,
  dentSplit: SPLIT,
  dentSettle: SETTLE,
  dentTend: TEND,
  dentRetire: RETIRE,
  dentAwaited: AWAITED,
  dentAnnounce: ANNOUNCE,
} as const;
