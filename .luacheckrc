-- What Redis gives to a script, and what the scripts get from each other: `npm run lint:lua` (Debian's lua-check).
std = 'lua51'
max_line_length = 110
read_globals = {'redis', 'cjson', 'KEYS', 'ARGV', 'PRIORITY_STEP_MS', 'MAX_TIMES_MEAN', 'RUN_DECAY'}

local lanes = {
  'K', 'call', 'now', 'idOf', 'rowKey', 'laneKey', 'orderKey', 'expiryKey', 'dueKey', 'rankKey', 'rankOf', 'laneTag',
  'exact', 'inParts', 'wake', 'heads', 'refresh', 'leave', 'sweep', 'sweepAll'
}
local batches = {'batchKey', 'rowBytes', 'store', unpack(lanes)}

files['**/scripts/producer/*.lua'] = {read_globals = lanes}
files['**/scripts/worker/*.lua'] = {read_globals = batches}
files['**/scripts/shared/batches.lua'] = {read_globals = lanes}
-- What stands here is used by the files that include it.
files['**/scripts/shared/*.lua'] = {ignore = {'211'}}
