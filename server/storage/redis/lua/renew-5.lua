-- ARGV: session, until. Answers 1, or 0 when the session holds nothing.
local number, since, before = read_session(ARGV[1])
if not number or redis.call('HEXISTS', meta, 'version') == 0 then return 0 end
hold(number, ARGV[1], since, ARGV[2], before)
return 1
