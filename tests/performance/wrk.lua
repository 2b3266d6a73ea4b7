-- One prepared request for each line of a file, sent in turn, over and over; at the end one line of JSON.
-- Arguments: FILE METHOD BODY EXTRA-HEADER STRICT. A line of FILE has headers such as "Authorization: Basic …" and, in place of BODY, a body, separated by
-- tabs; EXTRA-HEADER goes with every request.
-- STRICT "yes" counts every answer that isn't 200, which costs wrk time, so it is for an unmeasured run; otherwise wrk itself counts those from 400 on.

local requests, position, threads = {}, 0, {}
refused = 0

local function add_header(line)
  local name, value = line:match("^([^:]+): (.*)$")
  if name then wrk.headers[name] = value end
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(arguments)
  local file, method, body, extra, strict = unpack(arguments)
  add_header(extra)
  if method == "POST" then wrk.headers["Content-Type"] = "application/x-www-form-urlencoded" end
  for line in io.lines(file) do
    local content = body
    for part in line:gmatch("[^\t]+") do
      if part:find(": ", 1, true) then add_header(part) else content = part end
    end
    requests[#requests + 1] = wrk.format(method, nil, nil, content ~= "" and content or nil)
  end
  if strict == "yes" then
    response = function(status) if status ~= 200 then refused = refused + 1 end end
  end
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  for _, thread in ipairs(threads) do failed = math.max(failed, thread:get("refused")) end
  print(string.format('{"requests": %d, "seconds": %.6f, "errors": %d, "p50": %.3f, "p99": %.3f}',
    summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
