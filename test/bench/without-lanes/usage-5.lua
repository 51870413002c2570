-- ARGV: now. Answers 'forgotten' | { version, numbers, held }
local version = redis.call('HGET', meta, 'version')
if not version then return 'forgotten' end
return { version, redis.call('ZCARD', queue), redis.call('ZCOUNT', queue, '(' .. ARGV[1], '+inf') }
