-- What all scripts of a pool have in common; it is put before each of them. The keys are explained in keys.ts.
-- Scripts have no shebang line, which only Redis 7 and Valkey know. The first write of each is a command
-- that Redis refuses when its memory is full (HSET, HINCRBY): then nothing has been done. Times come as 16 digits.
local meta, numbers, queue, holders, sessions = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local function next_turn()
  return string.format('%016d', redis.call('HINCRBY', meta, 'turn', 1))
end

-- The two holders of a number who hold it longest: members of `holders`.
local function two_latest(number)
  return redis.call('ZREVRANGEBYLEX', holders, '(' .. number .. '!', '[' .. number .. ' ', 'LIMIT', 0, 2)
end

-- Time and session of a member of `holders`.
local function read_holder(member, number)
  local from = #number + 2
  return member:sub(from, from + 15), member:sub(from + 17)
end

-- What a session holds: number, since, until; nil when nothing.
local function read_session(session)
  local own = redis.call('HGET', sessions, session)
  if not own then return nil end
  return own:match('^(%S+) (%S+) (%S+)$')
end

-- What is known of a number: its turn, the time until which it is held, the count of its holders.
local function read_number(number)
  local turn, latest, count = redis.call('HGET', numbers, number):match('^(%S+) (%S+) (%S+)$')
  return { name = number, turn = turn, latest = latest, count = tonumber(count) }
end

-- Begins a hold, or goes on with the one until `before`. A clock that stepped back must not shorten it.
-- `gone`: so many holders have lost the number; their entries are the caller's concern.
local function hold(number, session, since, held, before, gone)
  local turn = next_turn()
  if before and before > held then held = before end
  if before ~= held then
    if before then redis.call('ZREM', holders, number.name .. ' ' .. before .. ' ' .. session) end
    redis.call('ZADD', holders, 0, number.name .. ' ' .. held .. ' ' .. session)
    redis.call('HSET', sessions, session, number.name .. ' ' .. since .. ' ' .. held)
  end
  local latest = number.latest
  if held > latest then latest = held end
  local count = number.count - gone
  if not before then count = count + 1 end
  redis.call('HSET', numbers, number.name, turn .. ' ' .. latest .. ' ' .. count)
  redis.call('ZREM', queue, number.turn .. ' ' .. number.name)
  -- To the end of the queue: by a server whose clock is behind, or a request that comes late, the number would stay at
  -- its head, and be shared by everybody who comes.
  local last = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]
  local place = math.max(tonumber(latest), tonumber(last) or 0)
  redis.call('ZADD', queue, string.format('%.0f', place), turn .. ' ' .. number.name)
  return held
end

local function add_number(number)
  local turn = next_turn()
  redis.call('HSET', numbers, number, turn .. ' 0000000000000000 0')
  redis.call('ZADD', queue, 0, turn .. ' ' .. number)
end
