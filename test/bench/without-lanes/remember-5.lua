-- ARGV: version, count of numbers, number …, then number, session, since, until of each lease …, oldest hold first.
-- Answers 1, or 0 when the pool is known already: then what other servers did since stands.
if redis.call('HEXISTS', meta, 'version') == 1 then return 0 end
redis.call('HSET', meta, 'version', ARGV[1])
-- What an eviction may have left of a forgotten pool.
redis.call('DEL', numbers, queue, holders, sessions)

local count = tonumber(ARGV[2])
for at = 3, count + 2 do
  if redis.call('HEXISTS', numbers, ARGV[at]) == 0 then add_number(ARGV[at]) end
end
for at = count + 3, #ARGV, 4 do
  local number, session = ARGV[at], ARGV[at + 1]
  if redis.call('HEXISTS', numbers, number) == 1 and redis.call('HEXISTS', sessions, session) == 0 then
    hold(read_number(number), session, ARGV[at + 2], ARGV[at + 3], nil, 0)
  end
end
return 1
