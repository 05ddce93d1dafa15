-- One tenant's token bucket for one integration. KEYS[1]: its hash. ARGV[1]: what to do, then numbers.
--   take  weight rate burst patience   a place in the line, or none when the wait would be longer than patience
--   due   rate burst ready epoch       how long the holder of a place still has to wait; -1: the line was lost
--   hold  rate burst seconds           nobody goes for so long
--   look  rate burst                   how long nobody goes yet
--   free  rate burst                   everybody may go again; how long nobody would have gone
-- Answers wait, ready and epoch as text. All times are seconds of this server.
--
-- A place is an instant of virtual time, which stands still while the bucket is held: a hold moves everybody in the
-- line by the same amount, so that what follows it still keeps to the rate.
--   tokens  may be negative: so much is promised to those who wait
--   at      virtual time of the last refill     frozen  how far virtual time is behind
--   hold    until when nobody goes              epoch   names this line; a new one begins after a loss or a clock jump
local key, what = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local rate, burst
if what == 'take' then
  rate, burst = tonumber(ARGV[3]), tonumber(ARGV[4])
else
  rate, burst = tonumber(ARGV[2]), tonumber(ARGV[3])
end

local known = redis.call('HMGET', key, 'tokens', 'at', 'frozen', 'hold', 'epoch')
local tokens, at = tonumber(known[1]) or burst, tonumber(known[2]) or now
local frozen, hold = tonumber(known[3]) or 0, tonumber(known[4]) or 0
local epoch = known[5] or string.format('%.6f', now)

local held = math.max(0, hold - now)
local virtual = now - frozen + held
if virtual < at - 1 then -- the server's clock was set back, or another server took over
  held = math.min(held, 3600)
  hold, frozen, at, virtual, epoch = now + held, held, now, now, string.format('%.6f', now)
end
virtual = math.max(virtual, at)
tokens = math.min(burst, tokens + (virtual - at) * rate)

local function save()
  redis.call('HSET', key, 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', virtual),
    'frozen', string.format('%.6f', frozen), 'hold', string.format('%.6f', hold), 'epoch', epoch)
  -- Once it is full again, a bucket that is gone is the same as one that is there.
  redis.call('PEXPIRE', key, math.ceil(((burst - tokens) / rate + held + 60) * 1000))
end

local function answer(wait, ready)
  return {string.format('%.6f', wait), string.format('%.6f', ready), epoch}
end

if what == 'take' then
  local left = tokens - tonumber(ARGV[2])
  local ready = virtual + math.max(0, -left) / rate
  local wait = ready - virtual + held
  if wait <= tonumber(ARGV[5]) then
    tokens = left
    save()
  end
  return answer(wait, ready)
end

if what == 'due' then
  local ready = tonumber(ARGV[4])
  if ARGV[5] ~= epoch then
    return answer(-1, ready)
  end
  return answer(math.max(0, ready - virtual) + held, ready)
end

if what == 'look' or what == 'free' then
  if what == 'free' and held > 0 then -- virtual time goes on from where it stands
    frozen, hold = frozen - held, now
    local left = held
    held = 0
    save()
    return answer(left, virtual)
  end
  return answer(held, virtual)
end

local until_then = now + tonumber(ARGV[4])
if until_then > hold then
  local added = until_then - math.max(hold, now)
  frozen, hold, held = frozen + added, until_then, until_then - now
end
tokens = math.min(tokens, 0) -- afterwards it begins slowly, not with a burst
save()
return answer(held, virtual)
