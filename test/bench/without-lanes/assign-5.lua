-- ARGV: session, now, until, '1' when a new hold may be opened.
-- Answers 'forgotten' | 'none' | { number, since, until, opened, shared, sharedWith ('' for nobody),
-- session and end of each who lost it … }
local session, now, held, may_open = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- So many are told at once that they lost a number which very many shared; the others with the next holders.
local MAX_ENDED = 100

local name, since, before = read_session(session)
local opened = name == nil
if opened then
  if redis.call('HEXISTS', meta, 'version') == 0 then return 'forgotten' end
  if may_open ~= '1' then return 'none' end
  local top = redis.call('ZRANGE', queue, 0, 0)[1]
  if not top then return 'none' end
  name, since = top:sub(18), now
end
local number = read_number(name)

-- Who else holds it. Mostly nobody does, and nobody needs to be looked for.
local live, shared_with = 0, ''
local others = opened and number.count or number.count - 1
if others > 0 and number.latest > now then
  for _, member in ipairs(two_latest(name)) do
    local until_time, holder = read_holder(member, name)
    if holder ~= session and until_time > now then
      live = live + 1
      shared_with = holder
    end
  end
end
-- Only a lease that was exclusive becomes shared by this; of several holders each was told before.
if not opened or live > 1 then shared_with = '' end

local past, gone, ends = {}, {}, {}
if others > 0 then
  local to = '(' .. name .. ' ' .. now .. '!'
  for _, member in ipairs(redis.call('ZRANGEBYLEX', holders, '[' .. name .. ' ', to, 'LIMIT', 0, MAX_ENDED)) do
    local ended, holder = read_holder(member, name)
    if holder ~= session then
      past[#past + 1] = member
      gone[#gone + 1] = holder
      ends[#ends + 1] = ended
    end
  end
end

held = hold(number, session, since, held, before, #gone)
if #gone > 0 then
  redis.call('ZREM', holders, unpack(past))
  redis.call('HDEL', sessions, unpack(gone))
end

local answer = { name, since, held, opened and 1 or 0, live > 0 and 1 or 0, shared_with }
for at, holder in ipairs(gone) do
  answer[#answer + 1] = holder
  answer[#answer + 1] = ends[at]
end
return answer
