-- ARGV: session, now, until, '1' when a new hold may be opened.
-- Answers 'forgotten' | 'none' | { number, since, until, opened, shared, sharedWith ('' for nobody),
-- session and end of each who lost it … }
local session, now, held, may_open = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- So many are told at once that they lost a number which very many shared; the others with the next holders.
local MAX_ENDED = 100

if redis.call('HEXISTS', meta, 'version') == 0 then return 'forgotten' end
local number, since, before = read_session(session)
local opened = number == nil
if opened then
  if may_open ~= '1' then return 'none' end
  local top = redis.call('ZRANGE', queue, 0, 0)[1]
  if not top then return 'none' end
  number, since = top:sub(18), now
end

local shared, shared_with, live = 0, '', 0
for _, member in ipairs(two_latest(number)) do
  local until_time, holder = read_holder(member, number)
  if holder ~= session and until_time > now then
    live = live + 1
    shared_with = holder
    shared = 1
  end
end
-- Only a lease that was exclusive becomes shared by this; of several holders each was told before.
if not opened or live > 1 then shared_with = '' end

held = hold(number, session, since, held, before)

local answer = { number, since, held, opened and 1 or 0, shared, shared_with }
local past = redis.call('ZRANGEBYLEX', holders, '[' .. number .. ' ', '(' .. number .. ' ' .. now .. '!',
  'LIMIT', 0, MAX_ENDED)
if #past > 0 then
  local gone = {}
  for at, member in ipairs(past) do
    local ended, holder = read_holder(member, number)
    gone[at] = holder
    answer[#answer + 1] = holder
    answer[#answer + 1] = ended
  end
  redis.call('ZREM', holders, unpack(past))
  redis.call('HDEL', sessions, unpack(gone))
end
return answer
