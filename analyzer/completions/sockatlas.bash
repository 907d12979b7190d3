# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion for bash. Commands and options come from the program's own --help; only the words that options take stand here.

_sockatlas_words() { # COMMAND OPTION: the words that OPTION takes there
    case $1:$2 in
    map:--format | map:-f) echo "text json dot mermaid svg html" ;;
    list:--format | list:-f | summary:--format | summary:-f) echo "text json csv" ;;
    doctor:--format | doctor:-f) echo "text json sarif" ;;
    export:--format | export:-f) echo "jsonl csv chrome zeek clickhouse tsv" ;;
    *:--format | show:-f | tuned:-f | diff:-f) echo "text json" ;;
    *:--color) echo "always never auto" ;;
    *:--by) echo "process program unit container host" ;;
    *:--sort | *:--columns)
        echo "connections failed unanswered open reset connections_per_s bytes_sent bytes_received bytes bytes_per_s connect_p50 connect_p90 connect_p99 rtt_p50 rtt_p90 rtt_p99 retransmits lifetime_p50 lifetime_p90 lifetime_p99"
        ;;
    *:--end) echo "closed reset broken open" ;;
    *:--pid) (cd /proc && printf '%s\n' [0-9]*) ;;
    *:--comm) cat /proc/[0-9]*/comm 2>/dev/null | sort -u ;;
    collect:--keep) echo "12h 7d 1G" ;;
    run:--kernel | collect:--kernel) echo "8M 64M" ;;
    *:--role) echo "client server listener pair datagram unused" ;;
    *:--transport) echo "tcp udp unix mptcp sctp netlink" ;;
    esac
}

_sockatlas() {
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} current=${COMP_WORDS[COMP_CWORD]} previous words at
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="--help --version $("$program" --help 2>/dev/null | awk '/^  [a-z]+ / && $1 != "sockatlas" {print $1}')"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return
    fi
    # bash splits --format=svg into three words.
    previous=${COMP_WORDS[COMP_CWORD - 1]}
    [ "$previous" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}
    [ "$current" != = ] || current=
    if [ "$command" = run ]; then
        # Behind run's own options stands a command with arguments of its own.
        for ((at = 2; at < COMP_CWORD; at++)); do
            case ${COMP_WORDS[at]} in
            -d | --dir) ((at++)) ;;
            --) ((at++)) && break ;;
            -*) ;;
            *) break ;;
            esac
        done
        if [ "$at" -lt "$COMP_CWORD" ] && declare -F _command_offset >/dev/null; then
            _command_offset "$at"
            return
        elif [ "$at" -lt "$COMP_CWORD" ]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
        elif [ "$at" -eq "$COMP_CWORD" ] && [[ $current != -* && $previous != -d && $previous != --dir ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
            return
        fi
    fi
    words=$(_sockatlas_words "$command" "$previous")
    if [[ $command == @(attach|detach) && $current != -* && $previous != -d && $previous != --dir ]]; then
        words=$(cd /proc && printf '%s\n' [0-9]*)
    fi
    if [ -n "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    elif [[ $current == -* ]]; then
        words=$("$program" "$command" --help 2>/dev/null | grep -oE -- '^ +(-., +)?--[a-z-]+' | grep -oE -- '--[a-z-]+')
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -o filenames -F _sockatlas sockatlas
