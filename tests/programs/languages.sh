#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Language runtimes with event loops of their own: Node.js (a cluster with workers, fetch, a child process), Python (asyncio over TCP,
# UDP and unix, subprocess, multiprocessing), Java (HttpServer and HttpClient, channels).
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
need node java javac "$python"
programs=$top/tests/programs

nodejs() {
    node "$programs/server.js"
}
program_same "Node.js" nodejs
edge "Node.js: fetch to a worker" 'node|MainThread' 'node|MainThread' tcp 10

pythons() {
    "$python" "$programs/loop.py"
}
program_same "Python" pythons
edge "Python: over TCP" python3 python3 tcp 10
edge "Python: over the unix socket" python3 python3 unix 10

javac -d "$work" "$programs/Server.java" || exit 1
javas() {
    java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$work" Server
}
program_same "Java" javas
edge "Java: over TCP" '.*' '.*' tcp 2
finish
