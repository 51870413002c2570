-- ARGV: version, count of numbers, number and lane of each …, then number, session, since, until of each lease …,
-- oldest hold first. Behind the keys of the pool come those of a version before, which are to go.
-- Answers 1, or 0 when the pool is known already: then what other servers did since stands.
if redis.call('HEXISTS', meta, 'version') == 1 then return 0 end
redis.call('HSET', meta, 'version', ARGV[1])
-- What an eviction may have left of a forgotten pool.
redis.call('DEL', numbers, queue, claims, sessions)
redis.call('UNLINK', KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10])

local last = 2 + 2 * tonumber(ARGV[2])
local index_of = index_lanes(3, last)
for at = 3, last, 2 do
  if redis.call('HEXISTS', numbers, ARGV[at]) == 0 then add_number(ARGV[at], index_of[ARGV[at + 1]]) end
end
for at = last + 1, #ARGV, 4 do
  local name, session, since, held = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if redis.call('HEXISTS', numbers, name) == 1 and redis.call('HEXISTS', sessions, session) == 0 then
    sign(read_number(name), session, held, false)
    write_session(session, since, held, name)
  end
end
return 1
