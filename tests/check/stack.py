# SPDX-License-Identifier: MIT
#
# stack.py FILE.ci...: what the compiler says each function of the shim keeps on the stack (-fcallgraph-info=su), added up along the
# deepest way from each wrapper. Prints "KIND BYTES WRAPPER WAY" for each, once with the log there (open, exec) and once where it is to be
# made (make). What the real function needs is not in it, nor what happens once, when the shim is loaded.
import re
import sys

LOAD = {"load_now", "sandbox_inside_slowly"}
MAKE = {"log_prepare_slowly", "take_its_place"}
RETURN_ADDRESS = 8

frame, calls = {}, {}
for name in sys.argv[1:]:
    for line in open(name):
        node = re.match(r'node: \{ title: "([^"]+)" label: "([^"]+)"', line)
        size = node and re.search(r"(\d+) bytes \(", node[2])
        if size:
            frame[node[1]] = int(size[1]) + RETURN_ADDRESS
        edge = re.match(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', line)
        if edge:
            calls.setdefault(edge[1], set()).add(edge[2])


def deepest(function, left_out, known):
    if function not in known:
        known[function] = (0, [])  # one that calls itself counts once
        below = [deepest(to, left_out, known) for to in calls.get(function, ()) if to.split(":")[-1] not in left_out]
        most = max(below, default=(0, []), key=lambda way: way[0])
        known[function] = (frame.get(function, 0) + most[0], [function.split(":")[-1]] + most[1])
    return known[function]


# What the wrappers in assembly call; the kinds of those that may execute a program.
BODIES = {"syscall": "syscall_watched", "vfork": "vfork_begin", "__vfork": "vfork_begin", "dlopen": "dlopen_begin", "dlmopen": "dlmopen_begin"}
for wrapper in sys.stdin.read().split():
    if wrapper.startswith("sockatlas_"):  # what attaching calls brings a stack of its own along
        continue
    body = BODIES.get(wrapper, wrapper)
    kind = "exec" if re.match("exec|fexec|posix_spawn|syscall", wrapper) else "open"
    for kind, left_out in ((kind, LOAD | MAKE), ("make", LOAD)):
        size, way = deepest(body, left_out, {})
        print(kind, size, wrapper, ">".join(way))
