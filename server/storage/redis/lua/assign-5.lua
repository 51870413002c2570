-- ARGV: session, lane, now, until, the latest until there can be, '1' when a new hold may be opened, '1' when it may be
-- a shared one.
-- Answers 'forgotten' | 'none' | { number, since, until, opened, shared, sharedWith ('' for nobody),
-- session and end of each who lost it … }
local session, lane, now, held, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
-- So many claims are looked at, and so many told at once that they lost a number which very many shared.
local MAX_ENDED = 100

-- The number of a lane that is idle longest, and its place in the queue.
local function head_of(index)
  local from = place_of(index, 0)
  return unpack(redis.call('ZRANGEBYSCORE', queue, from, from + LANE - 1, 'WITHSCORES', 'LIMIT', 0, 1))
end

-- The number idle longest of all lanes; nil when there is none.
local function head_of_all()
  local best, first
  local fields = redis.call('HGETALL', meta)
  for at = 1, #fields, 2 do
    if fields[at]:sub(1, 5) == 'lane:' then
      local name, place = head_of(fields[at + 1])
      local turn = tonumber(place) % LANE
      if not first or turn < first then best, first = name, turn end
    end
  end
  return best
end

local name, since, before = read_session(session)
local opened = name == nil
if opened then
  local known = redis.call('HMGET', meta, 'version', 'lane:' .. lane)
  if not known[1] then return 'forgotten' end
  if ARGV[6] ~= '1' then return 'none' end
  local index = known[2] or redis.call('HGET', meta, 'lane:*')
  if index then name = head_of(index) else name = head_of_all() end
  if not name then return 'none' end
  since = now
end
local number = read_number(name)
if number.held > limit then
  sober(number, now, limit)
  if before and before > limit then before = now end
end
if opened and number.held > now and ARGV[7] ~= '1' then return 'none' end
-- A clock that stepped back must not shorten a hold.
if before and before > held then held = before end

-- Who has lost the number, with the time when; and claims that are over, and those that take their place.
local gone, ends, past, again = {}, {}, {}, {}
local newest_is_gone = number.newest ~= '' and number.newest ~= session and number.held <= now
if newest_is_gone and not number.queued then
  gone[1], ends[1] = number.newest, number.held
end
if number.earliest <= now then
  local from, to = claims_of(name)
  past = redis.call('ZRANGEBYLEX', claims, from, '(' .. name .. ' ' .. now .. '!', 'LIMIT', 0, MAX_ENDED - 1)
  local holders = {}
  for at, claim in ipairs(past) do
    local _, holder = read_claim(claim, name)
    holders[at] = holder
  end
  local earliest = NEVER
  for at, own in ipairs(redis.call('HMGET', sessions, unpack(holders))) do
    local holder, ends_at = holders[at], own:sub(18, 33)
    if holder == session then ends_at = held end
    if ends_at > now then
      again[#again + 1] = 0
      again[#again + 1] = name .. ' ' .. ends_at .. ' ' .. holder
      if ends_at < earliest then earliest = ends_at end
    else
      gone[#gone + 1] = holder
      ends[#ends + 1] = ends_at
    end
  end
  if #past < MAX_ENDED - 1 then
    local next_claim = redis.call('ZRANGEBYLEX', claims, '(' .. name .. ' ' .. now .. '!', to, 'LIMIT', 0, 1)[1]
    if next_claim then
      local time = read_claim(next_claim, name)
      if time < earliest then earliest = time end
    end
    number.earliest = earliest
  end
end
if number.others <= now then number.others = NOBODY end
if newest_is_gone then
  local queued = number.queued
  for _, holder in ipairs(gone) do
    if holder == number.newest then queued = nil end
  end
  if queued == nil then number.newest, number.held, number.queued = '', NOBODY, false end
end

-- Only a lease that was exclusive becomes shared by this; of several holders each was told before.
local shared_with = ''
if opened and number.held > now and number.others <= now then shared_with = number.newest end

sign(number, session, held, not opened)
if before ~= held then write_session(session, since, held, name) end
if #past > 0 then redis.call('ZREM', claims, unpack(past)) end
if #again > 0 then redis.call('ZADD', claims, unpack(again)) end
if #gone > 0 then redis.call('HDEL', sessions, unpack(gone)) end

local rival = number.newest == session and number.others or number.held
local answer = { name, since, held, opened and 1 or 0, rival > now and 1 or 0, shared_with }
for at, holder in ipairs(gone) do
  answer[#answer + 1] = holder
  answer[#answer + 1] = ends[at]
end
return answer
