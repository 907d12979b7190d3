# SPDX-License-Identifier: MIT
#
# Completion for fish. Commands and options come from the program's own --help; only the words that options take stand here.

function __sockatlas_commands
    set -l words (commandline -opc)
    $words[1] --help 2>/dev/null | string match -r '^  [a-z]+ .*' | string match -vr '^  sockatlas ' |
        string replace -r '^  ([a-z]+) +' '$1\t'
end

function __sockatlas_options
    set -l words (commandline -opc)
    $words[1] $words[2] --help 2>/dev/null | string match -r '^ +(?:-., +)?--[a-z-]+.*' |
        string replace -r '^ +(?:-., +)?(--[a-z-]+)(=\S+)? *' '$1\t'
end

function __sockatlas_in
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

function __sockatlas_filters
    __sockatlas_in map summary list show tuned doctor diff events export top
end

complete -c sockatlas -n __fish_use_subcommand -f -a '(__sockatlas_commands)'
complete -c sockatlas -n __fish_use_subcommand -f -a '--help --version'
complete -c sockatlas -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -a '(__sockatlas_options)'
complete -c sockatlas -n '__sockatlas_in map' -s f -l format -x -a 'text json dot mermaid svg html'
complete -c sockatlas -n '__sockatlas_in list summary' -s f -l format -x -a 'text json csv'
complete -c sockatlas -n '__sockatlas_in show tuned diff' -s f -l format -x -a 'text json'
complete -c sockatlas -n '__sockatlas_in events' -l format -x -a 'text json'
complete -c sockatlas -n '__sockatlas_in map summary list show tuned doctor diff events export' -l color -x -a 'always never auto'
complete -c sockatlas -n '__sockatlas_in doctor' -s f -l format -x -a 'text json sarif'
complete -c sockatlas -n '__sockatlas_in export' -s f -l format -x -a 'jsonl csv chrome zeek clickhouse tsv'
complete -c sockatlas -n '__sockatlas_in attach detach' -f -a '(__fish_complete_pids)'
complete -c sockatlas -n '__sockatlas_in collect' -l keep -x -a '12h 7d 1G'
complete -c sockatlas -n '__sockatlas_in map summary list' -l by -x -a 'process program unit container host'
complete -c sockatlas -n '__sockatlas_in summary' -l sort -x -a 'connections failed unanswered open reset connections_per_s bytes_sent bytes_received bytes bytes_per_s connect_p50 connect_p90 connect_p99 rtt_p50 rtt_p90 rtt_p99 retransmits lifetime_p50 lifetime_p90 lifetime_p99'
complete -c sockatlas -n '__sockatlas_in map summary' -l columns -x -a 'connections failed unanswered open reset connections_per_s bytes_sent bytes_received bytes bytes_per_s connect_p50 connect_p90 connect_p99 rtt_p50 rtt_p90 rtt_p99 retransmits lifetime_p50 lifetime_p90 lifetime_p99'
complete -c sockatlas -n '__sockatlas_filters' -l role -x -a 'client server listener pair datagram unused'
complete -c sockatlas -n '__sockatlas_filters' -l transport -x -a 'tcp udp unix mptcp sctp netlink'
complete -c sockatlas -n '__sockatlas_filters' -l end -x -a 'closed reset broken open'
complete -c sockatlas -n '__sockatlas_filters' -l pid -x -a '(__fish_complete_pids)'
complete -c sockatlas -n '__sockatlas_filters' -l comm -x -a '(cat /proc/*/comm 2>/dev/null | sort -u)'
complete -c sockatlas -n '__sockatlas_in run' -x -a '(__fish_complete_subcommand --fcs-skip=2)'
