-- ARGV: version, number … Answers 1, or 0 when the pool is forgotten.
-- The work grows with the numbers of the pool and with the holders of those that are taken out.
local known = redis.call('HGET', meta, 'version')
if not known then return 0 end
if tonumber(ARGV[1]) <= tonumber(known) then return 1 end
redis.call('HSET', meta, 'version', ARGV[1])

local wanted, had = {}, {}
for at = 2, #ARGV do wanted[ARGV[at]] = true end
local places = redis.call('HGETALL', numbers)
for at = 1, #places, 2 do
  local number = places[at]
  had[number] = true
  if not wanted[number] then
    local from, to = '[' .. number .. ' ', '(' .. number .. '!'
    for _, member in ipairs(redis.call('ZRANGEBYLEX', holders, from, to)) do
      local _, holder = read_holder(member, number)
      redis.call('HDEL', sessions, holder)
    end
    redis.call('ZREMRANGEBYLEX', holders, from, to)
    redis.call('ZREM', queue, places[at + 1]:sub(1, 16) .. ' ' .. number)
    redis.call('HDEL', numbers, number)
  end
end
for at = 2, #ARGV do
  if not had[ARGV[at]] then
    had[ARGV[at]] = true
    add_number(ARGV[at])
  end
end
return 1
