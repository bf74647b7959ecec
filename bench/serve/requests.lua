-- For wrk: sends the files named behind `--` in turn, and prints what came of it as one line of JSON.
local requests, next_one = {}, 0

function init(arguments)
  for i, path in ipairs(arguments) do
    local file = assert(io.open(path, "rb"))
    requests[i] = wrk.format("POST", nil, { ["Content-Type"] = "image/png" }, file:read("*a"))
    file:close()
  end
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function done(summary, latency)
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  local succeeded, seconds = summary.requests - errors.status, summary.duration / 1e6
  local values = {
    succeeded = succeeded, failed = errors.status + lost, seconds = seconds, per_second = succeeded / seconds,
    p50 = latency:percentile(50) / 1e3, p95 = latency:percentile(95) / 1e3, p99 = latency:percentile(99) / 1e3,
    slowest = latency.max / 1e3,
  }
  local fields = {}
  for name, value in pairs(values) do
    fields[#fields + 1] = string.format('"%s": %.3f', name, value)
  end
  io.write("{" .. table.concat(fields, ", ") .. "}\n")
end
