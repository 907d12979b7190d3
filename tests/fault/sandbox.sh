#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs in seccomp sandboxes that kill for every system call which the program does not make without the shim: the calls are those
# that strace saw. Each does with the shim what it does without, and the trace names the sandbox as a blind spot.
. "$(dirname "$0")/lib.sh"
cc=${CC:-gcc}
enter=$top/build/fault/enter
library=$top/build/fault/enter.so
trace=$work/trace
strace=(strace -f -n -e raw=all)

if ! "${strace[@]}" -o probe.record true 2>err; then
    case_skip "sandboxes" "strace cannot trace here: $(head -1 err)"
    finish
fi

beside=: # what runs beside each command, for servers that want a client and somebody who stops them

# outcome [NAME=VALUE]... COMMAND...: with these in its environment, in a folder of its own, its exit status and what it wrote.
outcome() {
    local status
    rm -rf "$work/run" && mkdir "$work/run"
    "$beside" >"$work/beside" 2>&1 </dev/null &
    (cd "$work/run" && exec timeout -k 1 30 env "$@") >out 2>err </dev/null
    status=$?
    wait $!
    echo "status $status"
    [ $status -lt 128 ] || echo "killed by signal $((status - 128))"
    sort out
    cat "$work/beside"
} 2>/dev/null

# blind WHAT: how often the map of the trace names that as a blind spot, by `what` and a part of the detail.
blind() {
    "$sockatlas" map --format json "$trace" | jq --arg what "$1" --arg detail "${2:-}" \
        '[.coverage[] | select(.what == $what and (.detail | contains($detail)))] | length'
}

# same CASE EXPECTED SEEN
same() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "without the shim:" "$2" "with it:" "$3" "$(head -5 err)"; fi
}

# begins NAME COMMAND...: the program begins in the sandbox, put there by a program that is traced and by one that is not.
begins() {
    local name=$1 run plain
    shift
    for run in 1 2 3; do
        outcome "${strace[@]}" -o "$work/record.$run" "$@" >/dev/null
    done
    "$top/build/fault/filter" record.1 record.2 record.3 >filter.bpf
    plain=$(outcome "$@")
    if [ "$plain" != "$(outcome "$enter" prctl "$work/filter.bpf" "$@")" ]; then
        case_skip "$name, executed in a sandbox" "it does not live in it without the shim either"
        return
    fi
    rm -rf "$trace"
    same "$name, executed in a sandbox" "$plain" \
        "$(outcome LD_PRELOAD="$shim" SOCKATLAS_DIR="$trace" "$enter" prctl "$work/filter.bpf" "$@")"
    case_is "... the map names it as not traced" 1 "$(blind untraced_child "it begins in a seccomp sandbox")"
    rm -rf "$trace"
    same "$name, in the sandbox of one who is not traced" "$plain" \
        "$(outcome ENTER_PRELOAD="$shim" SOCKATLAS_DIR="$trace" "$enter" prctl "$work/filter.bpf" "$@")"
}

# enters NAME COMMAND...: the program goes into the sandbox before main(), by each way there is.
enters() {
    local name=$1 run plain how
    shift
    for run in 1 2 3; do
        outcome "${strace[@]}" -E LD_PRELOAD="$library" -E ENTER_HOW=none -E ENTER_FILE=- -o "$work/record.$run" "$@" >/dev/null
    done
    "$top/build/fault/filter" --inside record.1 record.2 record.3 >filter.bpf
    plain=$(outcome "$@")
    if [ "$plain" != "$(outcome LD_PRELOAD="$library" ENTER_HOW=prctl ENTER_FILE="$work/filter.bpf" "$@")" ]; then
        case_skip "$name, which enters a sandbox" "it does not live in it without the shim either"
        return
    fi
    for how in prctl prctl-raw seccomp tsync; do
        rm -rf "$trace"
        same "$name, which enters a sandbox by $how" "$plain" \
            "$(outcome LD_PRELOAD="$library:$shim" ENTER_HOW=$how ENTER_FILE="$work/filter.bpf" SOCKATLAS_DIR="$trace" "$@")"
        case_is "... the map has it as a blind spot" true "$([ "$(blind seccomp)" -ge 1 ] && echo true)"
    done
}

both() {
    begins "$@"
    enters "$@"
}

# The filters kill: a program that makes one call more dies.
"${strace[@]}" -o record.1 true
"$top/build/fault/filter" record.1 >filter.bpf
case_has "what the filter has not seen kills" "killed by signal 31" "$(outcome "$enter" prctl "$work/filter.bpf" date)"

for expect in "$top"/tests/targets/*.expect; do
    name=$(basename "$expect" .expect)
    both "$name" "$targets/$name"
done

# Who is in, who is not: sockets by what is known of them, blind spots. A socket's cookie is known outside alone.
inside() { # WHAT SOCKETS COVERAGE
    rm -rf "$trace"
    "$targets/sandboxed" "$1" >plain 2>&1
    case_is "sandboxed $1: lives without the shim" 0 $?
    case_is "sandboxed $1: lives" "$(echo status 0 && cat plain)" \
        "$(outcome LD_PRELOAD="$shim" SOCKATLAS_DIR="$trace" "$targets/sandboxed" "$1")"
    case_is "sandboxed $1: what is known of its sockets" "$2" "$("$sockatlas" list --json "$trace" | jq -rs '
        group_by(.type)[] | "\(length) \(.[0].type | sub("SOCK_"; "") | ascii_downcase) \(map(.cookie != null) | unique)"' | paste -sd,)"
    case_is "sandboxed $1: blind spots" "$3" "$("$sockatlas" map --format json "$trace" |
        jq -r '[.coverage[] | "\(.what): \(.detail)" | sub("a program: "; "")] | sort | join(", ")')"
}
part="seccomp: sandboxed: this thread and what it starts ask nothing of the kernel"
inside thread "1 dgram [false],2 stream [true]" "$part"
inside child "2 dgram [false],2 stream [true]" "$part"
inside all "2 dgram [false],2 stream [true]" "seccomp: sandboxed: from here on nothing is asked of the kernel"
inside refused "4 stream [true]" ""
inside strict "2 stream [true]" "$part"
inside vfork "2 stream [true]" "$part, untraced_child: it begins in a seccomp sandbox"
inside fork "1 dgram [false],1 stream [true]" "lost: 3 records lost: in a seccomp sandbox, $part"
inside stamp "2 stream [true]" ""
inside peers "174 stream [false,true]" "$part"
case_is "... each peer is known, wherever on the stack it was told" "86 server exact" "$("$sockatlas" list --json "$trace" |
    jq -rs 'map(select(.role == "server")) | "\(length) server \(map(.match) | unique | join(" "))"')"

# Filters that are there from the beginning, as in a container or a service. `run` finds out whether they let the shim work.
"$top/build/fault/filter" --deny reboot >harmless.bpf
"$top/build/fault/filter" --deny getsockopt >harmful.bpf
sockets() {
    "$sockatlas" list --json "$trace" | jq -s 'map(select(.cookie != null)) | length'
}
rm -rf "$trace"
case_ok "run under a filter that lets the shim work" "$enter" prctl harmless.bpf "$sockatlas" run -d "$trace" -- "$targets/tcp_both_ends"
case_is "... traces" true "$([ "$(sockets)" -ge 3 ] && echo true)"
rm -rf "$trace"
case_ok "... also what begins with a clean environment" "$enter" prctl harmless.bpf "$sockatlas" run -d "$trace" -- "$targets/exec_clean"
case_is "... and nothing is amiss" 0 "$("$sockatlas" map --format json "$trace" | jq '.coverage | length')"
rm -rf "$trace"
said=$("$enter" prctl harmful.bpf "$sockatlas" run -d "$trace" -- "$targets/socketpair" 2>&1)
case_is "run under a filter that kills for what the shim asks: the command's status" 0 $?
case_has "... says which call" "nothing will be traced: .*kills for getsockopt\(\)" "$said"
case_is "... and so does the map" 1 "$(blind seccomp "kills for getsockopt(): nothing was traced")"
rm -rf "$trace"
case_ok "one filter more than \`run\` has found good" "$sockatlas" run -d "$trace" -- env "$enter" prctl-raw harmful.bpf "$targets/socketpair"

# Without \`run\`: a filter that pid 1 is under too is a container's.
ns() { # FILTER COMMAND...: as pid 1 of a namespace, under the filter
    local filter=$1
    shift
    "$enter" prctl "$filter" unshare --pid --fork --mount-proc env LD_PRELOAD="$shim" SOCKATLAS_DIR="$trace" "$@"
}
if ns harmless.bpf true 2>err; then
    rm -rf "$trace"
    case_ok "in a container, by LD_PRELOAD" ns harmless.bpf sh -c "$targets/tcp_both_ends; true"
    case_is "... traced" true "$([ "$(sockets)" -ge 3 ] && echo true)"
else
    case_skip "in a container, by LD_PRELOAD" "$(head -1 err)"
fi
rm -rf "$trace"
case_ok "under a filter of which nothing is known, by LD_PRELOAD" env ENTER_PRELOAD="$shim" SOCKATLAS_DIR="$trace" "$enter" prctl harmless.bpf "$targets/socketpair"
case_ok "... not traced, to be sure" test ! -e "$trace"
rm -rf "$trace"
case_ok "... unless the user knows better" env ENTER_PRELOAD="$shim" SOCKATLAS_FILTERS=1 SOCKATLAS_DIR="$trace" "$enter" prctl harmless.bpf "$targets/socketpair"
case_is "... traced" 2 "$(sockets)"

# Real programs. What they ask for is served outside.
mkdir served && echo hello >served/page
port=$(free_port)
start python3 -m http.server --bind 127.0.0.1 --directory served "$port" >served.log 2>&1
wait_port "$port"
present() {
    command -v "$1" >/dev/null || { case_skip "$1" "not installed here" && false; }
}
present curl && both "curl" curl -s "http://127.0.0.1:$port/page"
present socat && both "socat" socat -T 2 - "TCP4:127.0.0.1:$port"
both "getent" getent ahosts localhost

# A library whose calls bypass the shim, loaded inside: slots in pages that are read-only by then cannot be changed, others can.
cat >deep.c <<'C'
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>
static int load(const char *from)
{
    char path[1024];
    strcpy(path, from);
    void *library = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
    int (*use)(void) = library ? (int (*)(void))dlsym(library, "use") : 0;
    return use ? use() : 1;
}
int main(int argc, char **argv)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0 || load(argv[1]);
}
C
cat >used.c <<'C'
#include <sys/socket.h>
int use(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0) < 0;
}
C
for way in now lazy; do
    if "$cc" -w -o deep deep.c -ldl 2>err && "$cc" -w -shared -fPIC -Wl,-z,relro,-z,$way -o $way.so used.c 2>>err; then
        enters "a program that loads a library with RTLD_DEEPBIND (bound $way)" "$work/deep" "$work/$way.so"
    else
        fail "a library with RTLD_DEEPBIND (bound $way)" "$(head -3 err)"
    fi
done

# What a limit on locked memory is, the program does not ask when mlockall() fails.
cat >locked.c <<'C'
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    struct rlimit limit = {65536, 65536};
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};
    if (socket(AF_INET, SOCK_STREAM, 0) < 0 || syscall(SYS_setrlimit, RLIMIT_MEMLOCK, &limit) || syscall(SYS_capset, &header, none))
        return 1;
    printf("%d\n", mlockall(MCL_CURRENT));
    return 0;
}
C
if "$cc" -w -o locked locked.c 2>err; then
    enters "a program that may lock little memory" "$work/locked"
else
    fail "a program that may lock little memory" "$(head -3 err)"
fi

# Landlock forbids making files where access(2) would have said yes: the new image has no log, which is said before.
cat >landlock.c <<'C'
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    struct landlock_ruleset_attr rules = {.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG};
    int fd = syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, fd, 0))
        return 77;
    execl(TARGET, TARGET, (char *)0);
    return 1;
}
C
"$cc" -w -D_GNU_SOURCE -DTARGET="\"$targets/socketpair\"" -o landlock landlock.c
if ./landlock; then
    rm -rf "$trace"
    said=$("$sockatlas" run -d "$trace" -- ./landlock 2>err)
    case_is "a program that landlock keeps from making files: its own result" "0 " "$? $said"
    case_is "... is named as not traced" 1 "$(blind untraced_child "it may not write in the trace folder")"
else
    case_skip "landlock" "not in this kernel"
fi

# What a program in a sandbox is told of its sockets' addresses is known: a server on a port of the kernel's choice, and a client.
cat >told.py <<'P'
import os, socket, subprocess, sys
if len(sys.argv) > 1:
    l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(3); print(l.getsockname()[1], flush=True)
    a, _ = l.accept(); a.recv(9); a.getpeername(); a.send(b"ok")
    c = socket.create_connection(("127.0.0.1", int(sys.stdin.readline()))); c.getsockname(); c.send(b"xyz"); c.recv(9); c.close(); a.close()
    sys.exit()
l = socket.create_server(("127.0.0.1", 0))
env = dict(os.environ, LD_PRELOAD=os.environ["LIBRARY"] + ":" + os.environ["LD_PRELOAD"], ENTER_HOW="prctl", ENTER_FILE=os.environ["FILTER"])
p = subprocess.Popen([sys.executable, __file__, "in"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
c = socket.create_connection(("127.0.0.1", int(p.stdout.readline()))); c.send(b"hello"); c.recv(9)
p.stdin.write(b"%d\n" % l.getsockname()[1]); p.stdin.flush()
a, _ = l.accept(); a.recv(9); a.send(b"ok"); a.close(); status = p.wait(); c.close(); sys.exit(status)
P
rm -rf "$trace"
case_ok "a server and client in a sandbox, and its peer outside" env LIBRARY="$library" FILTER="$work/harmless.bpf" \
    "$sockatlas" run -d "$trace" -- /usr/bin/python3 "$work/told.py"
"$sockatlas" map --format json "$trace" >map.json
case_is "... both connections are found" "exact 1 3 2,exact 1 5 2" \
    "$(jq -r '.edges[] | "\(.match) \(.connections) \(.bytes_sent) \(.bytes_received)"' map.json | sort | paste -sd,)"
case_is "... both listeners have their ports" true "$(jq '.listeners | length == 2 and all(.port != 0)' map.json)"

cat >threads.py <<'P'
import os, selectors, socket, subprocess, sys, threading, urllib.request
port, got = int(sys.argv[1]), []
def serve(listener):
    a, _ = listener.accept()
    got.append(a.recv(9)); a.sendall(b"ok"); a.close()
for family, address in (socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, "\0sandbox-test-%d" % os.getpid()):
    listener = socket.socket(family); listener.bind(address); listener.listen(3)
    thread = threading.Thread(target=serve, args=(listener,)); thread.start()
    c = socket.socket(family); c.connect(listener.getsockname()); c.sendall(b"hello"); got.append(c.recv(9)); c.close()
    thread.join(); listener.close()
u = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
u[0].bind(("127.0.0.1", 0)); u[1].sendto(b"datagram", u[0].getsockname()); got.append(u[0].recvfrom(99)[0])
a, b = socket.socketpair(); r = os.fork()
if r == 0: a.close(); b.send(b"child"); os._exit(0)
b.close(); got.append(a.recv(9)); os.waitpid(r, 0)
s = selectors.DefaultSelector(); n = socket.socket(); n.setblocking(False); n.connect_ex(("127.0.0.1", port))
s.register(n, selectors.EVENT_WRITE); s.select(9); got.append(n.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)); n.close()
got.append(urllib.request.urlopen("http://127.0.0.1:%d/page" % port).read())
got.append(subprocess.run(["/bin/echo", "spawned"], stdout=subprocess.PIPE).stdout)
got.append(os.system("exit 3"))
print(got)
P
both "python3 with threads, a forked child and a program that it starts" /usr/bin/python3 "$work/threads.py" "$port"

if present nginx; then
    web=$(free_port)
    cat >nginx.conf <<N
daemon off; pid $work/nginx.pid; error_log /dev/null; worker_processes 1; events { }
http { access_log off; client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
server { listen 127.0.0.1:$web; root $work/served; } }
N
    ask_nginx() {
        "$tools/port" wait "$web" 20 && curl -s "http://127.0.0.1:$web/page"
        kill -QUIT "$(cat "$work/nginx.pid")"
    }
    beside=ask_nginx
    chmod 755 "$work"
    both "nginx, master and worker" nginx -c "$work/nginx.conf"
    beside=:
fi
finish
