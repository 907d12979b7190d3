#!/bin/bash
# SPDX-License-Identifier: MIT
#
# OpenSSH over loopback: a server with its own keys on a free port; commands, standard input, exit statuses, a terminal, sftp and
# scp, forwarded ports and sockets, a shared master connection. Its privilege separation (an unprivileged, sandboxed child before the
# login; a child of the user's after) is the system's: chroot, setuid, seccomp.
. "$(dirname "$0")/lib.sh"
need ssh sftp scp ssh-keygen sshd socat
server=$(command -v sshd)
sftp_server=/usr/lib/openssh/sftp-server
need "$sftp_server"

# Who logs in: root serves another user (the server then works as that user), everybody else themselves.
user=$(id -un)
if [ -n "$root" ]; then
    user=$(getent passwd | awk -F: '$3 > 0 && $7 ~ /\/(ba|da)?sh$/ && $3 < 60000 { print $1; exit }')
    [ -n "$user" ] || user=root
    # What the package's unit makes for the unprivileged child to be locked in.
    [ -d /run/sshd ] || { mkdir -m 755 /run/sshd && at_end+=("rmdir /run/sshd"); }
fi
ssh-keygen -q -t ed25519 -N '' -f "$work/host_key" && ssh-keygen -q -t ed25519 -N '' -f "$work/user_key" || exit 1

serve() { # [LINE OF ITS CONFIGURATION...]
    check_port
    cp "$work/user_key.pub" authorized_keys && chmod 644 authorized_keys
    mkdir home && chmod 777 home
    cat >sshd_config <<END
Port $port
ListenAddress 127.0.0.1
HostKey $work/host_key
AuthorizedKeysFile $run/authorized_keys
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM ${root:-no}
PermitRootLogin yes
PidFile $run/sshd.pid
Subsystem sftp $sftp_server
AcceptEnv ATLAS_*
PrintMotd no
PrintLastLog no
LogLevel VERBOSE
$(printf '%s\n' "$@")
END
    cat >ssh_config <<END
Host here
    HostName 127.0.0.1
    Port $port
    User $user
    IdentityFile $work/user_key
    IdentitiesOnly yes
    UserKnownHostsFile $run/known_hosts
    StrictHostKeyChecking accept-new
    LogLevel ERROR
    ConnectTimeout 20
    SendEnv ATLAS_*
END
    "$server" -t -f sshd_config || return
    background "$server" -D -E "$run/sshd.log" -f "$run/sshd_config"
    until_open "$port"
}

here() {
    ssh -F ssh_config "$@"
}

# What the server says of each session; numbers of ports and processes are the run's.
log() {
    grep -vE 'Connection from|Starting session|Close session|reset by|User child|Transferred|SHA256' sshd.log |
        sed -E 's/port [0-9]+/port N/; s/pid [0-9]+/pid N/; s/ssh2.*//; s/fd [0-9]+/fd N/' | sort | uniq -c
}

logged() { # SESSIONS: that their ends are told of
    [ "$(grep -c 'Disconnected from user' sshd.log)" -ge "$1" ]
}

session() {
    serve || return
    here here 'echo hello; id -un; echo error >&2; exit 7'
    echo "status $?"
    ATLAS_WORD=passed here here 'echo $ATLAS_WORD'
    head -c 3000000 /dev/zero | here here 'cksum; cat' </dev/null | cksum
    head -c 3000000 /dev/zero | here here cksum
    here here 'head -c 3000000 /dev/zero' | cksum
    here here 'kill -9 $$'
    echo "killed: $?"
    here -tt here 'tty >/dev/null && echo terminal; stty size >/dev/null && echo sized' 2>&1 | tr -d '\r'
    here here nosuchcommand 2>&1 | sed 's/.*: //'
    here -o User=nosuchuser here true 2>&1 | sed 's/(.*//'
    echo "status $?"
    for each in 1 2 3 4; do here here "echo together $each" >"$each.out" & done
    wait %2 %3 %4 %5 2>/dev/null
    wait_true test -s 1.out -a -s 2.out -a -s 3.out -a -s 4.out && cat {1,2,3,4}.out
    # A server that is not root aborts the session with a terminal: it cannot write the login record.
    wait_true logged "$([ -n "$root" ] && echo 12 || echo 11)" && stop "${started[0]}" && log
}
program_same "ssh" session
edge "ssh: to the server over TCP" ssh sshd tcp 12
edge "ssh: the server's two halves" sshd sshd unix 1

copies() {
    serve || return
    head -c 1000000 /dev/urandom >blob && chmod 644 blob
    cp blob home/there && chmod 644 home/there
    printf 'put blob %s\nls -1 %s\nget %s back\nmkdir %s\nrmdir %s\nget nosuch\n' \
        "$run/home/put" "$run/home" "$run/home/there" "$run/home/new" "$run/home/new" >batch
    sftp -q -F ssh_config -b batch here 2>&1
    echo "status $?"
    cmp blob home/put && cmp blob back && echo "put and got"
    scp -q -F ssh_config blob "here:$run/home/copied" && cmp blob home/copied && echo "copied"
    scp -q -O -F ssh_config "here:$run/home/there" old && cmp blob old && echo "copied the old way"
    stop "${started[0]}"
}
program_same "sftp and scp" copies
edge "sftp and scp: to the server over TCP" ssh sshd tcp 3

forwarded() {
    serve "AllowTcpForwarding yes" "AllowStreamLocalForwarding yes" "StreamLocalBindMask 0111" || return
    background socat "UNIX-LISTEN:$run/end.sock,fork,mode=666" 'SYSTEM:cat'
    until_open "$run/end.sock"
    check_port
    forward=$port
    here -M -S "$run/master" -o ControlPersist=no -N -L "127.0.0.1:$forward:$run/end.sock" -L "$run/local.sock:$run/end.sock" here &
    started+=($!)
    wait_true test -S master && until_open "$forward" && until_open "$run/local.sock" || return
    echo "over TCP" | socat -t 5 - "TCP:127.0.0.1:$forward"
    echo "over the socket" | socat -t 5 - "UNIX-CONNECT:$run/local.sock"
    here -S "$run/master" here 'echo through the master; exit 3'
    echo "status $?"
    here -S "$run/master" -O check here 2>&1 | sed 's/pid=[0-9]*/pid/'
    here -S "$run/master" -O exit here 2>&1
    here -W 127.0.0.1:1 here 2>&1 | sed 's/^channel.*: /channel: /'
}
program_same "ssh forwarding" forwarded
edge "ssh forwarding: the master to the server" ssh sshd tcp 1
edge "ssh forwarding: the server to the end" sshd socat unix 2
# The master binds another name and links it to this one when it serves.
edge "ssh forwarding: the commands to the master" ssh ssh unix 3
finish
