-- ARGV: session, now, until, the latest until there can be. Answers 1, or 0 when the session holds nothing.
local session, now, held, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local name, since, before = read_session(session)
if not name then return 0 end
local number = read_number(name)
if number.held > limit then
  sober(number, now, limit)
  if before > limit then before = now end
end
-- A clock that stepped back must not shorten a hold.
if before > held then held = before end
sign(number, session, held, true)
if before ~= held then write_session(session, since, held, name) end
return 1
