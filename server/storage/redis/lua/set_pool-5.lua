-- ARGV: version, then number and lane of each … Answers 1, or 0 when the pool is forgotten.
-- The work grows with the numbers of the pool and with the holders of those that are taken out.
local known = redis.call('HGET', meta, 'version')
if not known then return 0 end
if tonumber(ARGV[1]) <= tonumber(known) then return 1 end
redis.call('HSET', meta, 'version', ARGV[1])

local index_of = index_lanes(2, #ARGV)
local wanted = {}
for at = 2, #ARGV, 2 do wanted[ARGV[at]] = wanted[ARGV[at]] or index_of[ARGV[at + 1]] end
local known_numbers = redis.call('HGETALL', numbers)
for at = 1, #known_numbers, 2 do
  local name, text = known_numbers[at], known_numbers[at + 1]
  local lane = wanted[name]
  if not lane then
    local from, to = claims_of(name)
    for _, claim in ipairs(redis.call('ZRANGEBYLEX', claims, from, to)) do
      local _, holder = read_claim(claim, name)
      redis.call('HDEL', sessions, holder)
    end
    redis.call('HDEL', sessions, text:sub(59))
    redis.call('ZREMRANGEBYLEX', claims, from, to)
    redis.call('ZREM', queue, name)
    redis.call('HDEL', numbers, name)
  elseif lane ~= text:sub(1, 4) then
    redis.call('HSET', numbers, name, lane .. text:sub(5))
    redis.call('ZADD', queue, place_of(lane, tonumber(redis.call('ZSCORE', queue, name)) % LANE), name)
  end
  wanted[name] = nil
end
for at = 2, #ARGV, 2 do
  local lane = wanted[ARGV[at]]
  if lane then add_number(ARGV[at], lane) end
  wanted[ARGV[at]] = nil
end
return 1
