-- Without memory Redis refuses the commands of a script that need some, but not after the first write of
-- the script. With this in front no script is left half done.
redis.call('DEL', KEYS[1] .. ':nothing')
