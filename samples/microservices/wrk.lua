-- SPDX-License-Identifier: MIT
--
-- wrk's part of the shop: each thread asks so many times on its one connection, and leaves when it has its last answer. At the end of
-- --duration wrk would close connections on which answers are under way, which resets them. `-- FILE`: gets a line from each that is done.
local asks, answers, done = 250, 0, nil

function init(arguments)
    done = arguments[1]
end

function response()
    answers = answers + 1
    if answers == asks then
        local file = io.open(done, 'a')
        file:write('done\n')
        file:close()
        wrk.thread:stop()
    end
end
