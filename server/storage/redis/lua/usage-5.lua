-- ARGV: now, the latest until there can be. Answers 'forgotten' | { version, lane, numbers, held of each lane … }
local now, limit = ARGV[1], ARGV[2]
local version = redis.call('HGET', meta, 'version')
if not version then return 'forgotten' end
local function is_held(held) return held > now and held <= limit end

local counts, held_of = {}, {}
for _, text in ipairs(redis.call('HVALS', numbers)) do
  local lane = text:sub(1, 4)
  counts[lane] = (counts[lane] or 0) + 1
  if is_held(text:sub(6, 21)) or is_held(text:sub(23, 38)) then held_of[lane] = (held_of[lane] or 0) + 1 end
end
local answer = { version }
local fields = redis.call('HGETALL', meta)
for at = 1, #fields, 2 do
  local lane, index = fields[at]:match('^lane:(.*)$'), fields[at + 1]
  if lane then
    answer[#answer + 1] = lane
    answer[#answer + 1] = counts[index] or 0
    answer[#answer + 1] = held_of[index] or 0
  end
end
return answer
