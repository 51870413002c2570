-- What all scripts of a pool have in common; it is put before each of them. The keys are explained in keys.ts, the
-- rules in domain/lease-pool.ts, which does the same in the same steps.
-- Scripts have no shebang line, which only Redis 7 and Valkey know. The first write of each is a command
-- that Redis refuses when its memory is full (HSET, HINCRBY): then nothing has been done. Times come as 16 digits.
local meta, numbers, queue, claims, sessions = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local NOBODY, NEVER = '0000000000000000', '9999999999999999'
-- Places in the queue: lanes are so far apart, and numbers that somebody had begin behind those that nobody had.
local LANE, HAD = 2 ^ 40, 2 ^ 20

local function place_of(index, turn)
  return tonumber(index) * LANE + turn
end

-- What a session holds: number, since, until; nil when nothing.
local function read_session(session)
  local own = redis.call('HGET', sessions, session)
  if not own then return nil end
  return own:sub(35), own:sub(1, 16), own:sub(18, 33)
end

local function write_session(session, since, held, name)
  redis.call('HSET', sessions, session, since .. ' ' .. held .. ' ' .. name)
end

local function read_number(name)
  local text = redis.call('HGET', numbers, name)
  return {
    name = name,
    lane = text:sub(1, 4),
    held = text:sub(6, 21),
    others = text:sub(23, 38),
    earliest = text:sub(40, 55),
    queued = text:sub(57, 57) == '1',
    newest = text:sub(59),
  }
end

local function write_number(it)
  local queued = it.queued and ' 1 ' or ' 0 '
  local text = it.lane .. ' ' .. it.held .. ' ' .. it.others .. ' ' .. it.earliest .. queued .. it.newest
  redis.call('HSET', numbers, it.name, text)
end

-- The bounds of a number's claims.
local function claims_of(name)
  return '[' .. name .. ' ', '(' .. name .. '!'
end

-- Time and session of a claim.
local function read_claim(claim, name)
  local from = #name + 2
  return claim:sub(from, from + 15), claim:sub(from + 17)
end

local function add_claim(it, held, session)
  redis.call('ZADD', claims, 0, it.name .. ' ' .. held .. ' ' .. session)
  if held < it.earliest then it.earliest = held end
end

-- Notes a sign of life of a holder: his number goes to the end of its lane. `queued`: he has a claim, if he is not
-- the newest, of whom the number says so.
local function sign(it, session, held, queued)
  local turn = HAD + redis.call('HINCRBY', meta, 'turn', 1)
  if session == it.newest then
    it.held = held
  elseif held >= it.held then
    if it.newest ~= '' and not it.queued then add_claim(it, it.held, it.newest) end
    it.others = it.held
    it.newest, it.held, it.queued = session, held, queued
  else
    if not queued then add_claim(it, held, session) end
    if held > it.others then it.others = held end
  end
  write_number(it)
  redis.call('ZADD', queue, place_of(it.lane, turn), it.name)
end

-- Holds that a clock gave which was ahead, and is right again, are over now. Looks at each holder of the number.
local function sober(it, now, limit)
  local name = it.name
  local members = redis.call('ZRANGEBYLEX', claims, claims_of(name))
  local holders = {}
  for at, member in ipairs(members) do
    local _, holder = read_claim(member, name)
    holders[at] = holder
  end
  if not it.queued then holders[#holders + 1] = it.newest end
  it.newest, it.held, it.others, it.earliest, it.queued = '', NOBODY, NOBODY, NEVER, true
  for at, holder in ipairs(holders) do
    local _, since, held = read_session(holder)
    if held > limit then
      held = now
      write_session(holder, since, held, name)
    end
    if members[at] then redis.call('ZREM', claims, members[at]) end
    add_claim(it, held, holder)
    if it.newest == '' or held > it.held then
      it.others = it.held
      it.newest, it.held = holder, held
    elseif held > it.others then
      it.others = held
    end
  end
  write_number(it)
end

local function add_number(name, lane)
  redis.call('HSET', numbers, name, table.concat({ lane, NOBODY, NOBODY, NEVER, '0', '' }, ' '))
  redis.call('ZADD', queue, place_of(lane, redis.call('HINCRBY', meta, 'fresh', 1)), name)
end

-- Gives each lane of the pairs of number and lane among the arguments an index, and takes those of all others away.
local function index_lanes(from, to)
  local wanted, index_of, taken, free = {}, {}, {}, 1
  for at = from, to, 2 do wanted[ARGV[at + 1]] = true end
  local fields = redis.call('HGETALL', meta)
  for at = 1, #fields, 2 do
    local lane = fields[at]:match('^lane:(.*)$')
    if lane and wanted[lane] then
      index_of[lane] = fields[at + 1]
      taken[tonumber(fields[at + 1])] = true
    elseif lane then
      redis.call('HDEL', meta, fields[at])
    end
  end
  for at = from, to, 2 do
    local lane = ARGV[at + 1]
    if not index_of[lane] then
      while taken[free] do free = free + 1 end
      taken[free] = true
      index_of[lane] = string.format('%04d', free)
      redis.call('HSET', meta, 'lane:' .. lane, index_of[lane])
    end
  end
  return index_of
end
