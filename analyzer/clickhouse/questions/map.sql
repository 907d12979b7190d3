-- The map: every edge between processes, as `sockatlas map --from` reads it. Times in seconds since the epoch. Settled
-- conversations come from the rollups by five minutes, those that are open from the latest run.
SELECT
    from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
    from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container, to_node,
    transport, server_address, server_port, match, anyLast(server_name) AS server_name,
    min(a_first) AS first_us, max(a_last) AS last_us,
    sum(n_connections) AS connections, sum(n_open) AS open, sum(n_failed) AS failed, sum(n_unanswered) AS unanswered,
    sum(n_reset) AS reset, sum(n_sockets) AS sockets, sum(n_retransmits) AS retransmits,
    sum(n_bytes_sent) AS bytes_sent, sum(n_bytes_received) AS bytes_received, sum(n_known_sent) AS known_sent,
    sum(n_known_received) AS known_received,
    error, sum(n_failed - n_unanswered) AS failed_so
FROM (
    SELECT
        from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
        from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container,
        to_node, transport, server_address, server_port, match, server_name, error,
        min_us AS a_first, max_us AS a_last,
        toUInt64(sum_connections) AS n_connections, toUInt64(0) AS n_open, toUInt64(sum_failed) AS n_failed,
        toUInt64(sum_unanswered) AS n_unanswered, toUInt64(sum_reset) AS n_reset, toUInt64(sum_sockets) AS n_sockets,
        toUInt64(sum_retransmits) AS n_retransmits, toUInt64(sum_sent) AS n_bytes_sent,
        toUInt64(sum_received) AS n_bytes_received, toUInt64(known_sent) AS n_known_sent,
        toUInt64(known_received) AS n_known_received
    FROM edges
    WHERE bucket >= toStartOfFiveMinute(toDateTime({since})) AND bucket < toDateTime({until})
        AND attempt IN (SELECT attempt FROM sockatlas.runs_local)
    UNION ALL
    SELECT
        from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
        from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container,
        to_node, transport, server_address, server_port, match, server_name, error,
        first_us AS a_first, last_us AS a_last,
        toUInt64(connections) AS n_connections, toUInt64(open) AS n_open, toUInt64(failed) AS n_failed,
        toUInt64(unanswered) AS n_unanswered, toUInt64(reset) AS n_reset, toUInt64(sockets) AS n_sockets,
        toUInt64(retransmits) AS n_retransmits, toUInt64(ifNull(bytes_sent, 0)) AS n_bytes_sent,
        toUInt64(ifNull(bytes_received, 0)) AS n_bytes_received, toUInt64(isNotNull(bytes_sent)) AS n_known_sent,
        toUInt64(isNotNull(bytes_received)) AS n_known_received
    FROM conversations
    WHERE settled = 0 AND attempt IN (SELECT argMax(attempt, run) FROM sockatlas.runs_local)
        AND first_us < toUInt64({until}) * 1000000
)
GROUP BY
    from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
    from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container, to_node,
    transport, server_address, server_port, match, error
ORDER BY
    from_start_us, to_start_us, from_kind, from_host, from_boot_id, from_pid, from_comm, from_exe, from_unit,
    from_container, from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit,
    to_container, to_node, transport, server_address, server_port, match, error
