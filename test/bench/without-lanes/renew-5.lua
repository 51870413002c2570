-- ARGV: session, until. Answers 1, or 0 when the session holds nothing.
local number, since, before = read_session(ARGV[1])
if not number then return 0 end
hold(read_number(number), ARGV[1], since, ARGV[2], before, 0)
return 1
