-- For wrk: sends the requests of a file one after the other, and prints what it measured as one line of JSON.
-- The file has, for each request, a line with its number of bytes, and the bytes.

local requests, turn = {}, 0

function init(args)
    local file = assert(io.open(args[1], "rb"))
    for size in file:lines() do
        requests[#requests + 1] = file:read(tonumber(size))
    end
    file:close()
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\nRESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "statuses": %d, "failures": %d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout
    ))
end
