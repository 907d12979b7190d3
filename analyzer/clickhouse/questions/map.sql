-- The map: every edge between processes, as `sockatlas map --from` reads it. Times in seconds since the epoch. Settled
-- conversations come from the rollups by five minutes, those that are open from the latest run. With {detail} 1, where
-- it is asked for what rollups do not have, each settled conversation is looked at too, and a line is of one alone in
-- client's address and port, endings and time; with 0 these are the same everywhere.
SELECT
    from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
    from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container, to_node,
    transport, server_address, server_port, match,
    client_address, client_port, from_ending, to_ending, lasted_us, anyLast(server_name) AS server_name,
    min(a_first) AS first_us, max(a_last) AS last_us,
    sum(n_connections) AS connections, sum(n_open) AS open, sum(n_failed) AS failed, sum(n_unanswered) AS unanswered,
    sum(n_reset) AS reset, sum(n_sockets) AS sockets, sum(n_retransmits) AS retransmits,
    sum(n_bytes_sent) AS bytes_sent, sum(n_bytes_received) AS bytes_received, sum(n_known_sent) AS known_sent,
    sum(n_known_received) AS known_received,
    error, sum(n_failed - n_unanswered) AS failed_so,
    arrayStringConcat(arrayMap((k, n) -> concat(toString(k), ':', toString(n)),
        tupleElement(sumMap(k_times, n_times), 1), tupleElement(sumMap(k_times, n_times), 2)), ' ') AS times,
    ifNull(min(l_connect), 0) AS least_connect_us, ifNull(max(m_connect), 0) AS most_connect_us,
    ifNull(min(l_rtt), 0) AS least_rtt_us, ifNull(max(m_rtt), 0) AS most_rtt_us,
    ifNull(min(l_lifetime), 0) AS least_lifetime_us, ifNull(max(m_lifetime), 0) AS most_lifetime_us
FROM (
    SELECT
        from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
        from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container, to_node,
        transport, server_address, server_port, match, server_name, error,
        materialize('') AS client_address, materialize(toUInt16(0)) AS client_port, materialize('') AS from_ending,
        materialize('') AS to_ending, materialize(toInt64(-1)) AS lasted_us,
        min_us AS a_first, max_us AS a_last,
        toUInt64(sum_connections) AS n_connections, materialize(toUInt64(0)) AS n_open, toUInt64(sum_failed) AS n_failed,
        toUInt64(sum_unanswered) AS n_unanswered, toUInt64(sum_reset) AS n_reset, toUInt64(sum_sockets) AS n_sockets,
        toUInt64(sum_retransmits) AS n_retransmits, toUInt64(sum_sent) AS n_bytes_sent,
        toUInt64(sum_received) AS n_bytes_received, toUInt64(known_sent) AS n_known_sent,
        toUInt64(known_received) AS n_known_received, times_class AS k_times, times_count AS n_times,
        least_connect_us AS l_connect, most_connect_us AS m_connect, CAST(least_rtt_us AS Nullable(UInt64)) AS l_rtt,
        CAST(most_rtt_us AS Nullable(UInt64)) AS m_rtt, least_lifetime_us AS l_lifetime, most_lifetime_us AS m_lifetime
    FROM edges
    WHERE {detail} = 0 AND bucket >= toStartOfFiveMinute(toDateTime({since})) AND bucket < toDateTime({until})
        AND attempt IN (SELECT attempt FROM sockatlas.runs_local)
    UNION ALL
    SELECT
        from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
        from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container, to_node,
        transport, server_address, server_port, match, server_name, error,
        materialize(if({detail}, client_address, '')) AS client_address,
        materialize(if({detail}, client_port, toUInt16(0))) AS client_port,
        materialize(if({detail}, CAST(from_ending AS String), '')) AS from_ending,
        materialize(if({detail}, CAST(to_ending AS String), '')) AS to_ending,
        materialize(if({detail}, toInt64(last_us - first_us), toInt64(-1))) AS lasted_us,
        first_us AS a_first, last_us AS a_last,
        toUInt64(connections) AS n_connections, toUInt64(open) AS n_open, toUInt64(failed) AS n_failed,
        toUInt64(unanswered) AS n_unanswered, toUInt64(reset) AS n_reset, toUInt64(sockets) AS n_sockets,
        toUInt64(retransmits) AS n_retransmits, toUInt64(ifNull(bytes_sent, 0)) AS n_bytes_sent,
        toUInt64(ifNull(bytes_received, 0)) AS n_bytes_received, toUInt64(isNotNull(bytes_sent)) AS n_known_sent,
        toUInt64(isNotNull(bytes_received)) AS n_known_received, time_class AS k_times,
        arrayMap(x -> toUInt64(1), time_class) AS n_times,
        if(connections = 1, connect_us, NULL) AS l_connect, l_connect AS m_connect,
        CAST(rtt_us AS Nullable(UInt64)) AS l_rtt, l_rtt AS m_rtt, lifetime_us AS l_lifetime, lifetime_us AS m_lifetime
    FROM conversations
    WHERE first_us < toUInt64({until}) * 1000000
        AND ((settled = 0 AND attempt IN (SELECT argMax(attempt, run) FROM sockatlas.runs_local))
        OR ({detail} = 1 AND settled = 1 AND last_us >= toUInt64({since}) * 1000000
            AND attempt IN (SELECT attempt FROM sockatlas.runs_local)))
)
GROUP BY
    from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
    from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container, to_node,
    transport, server_address, server_port, match,
    client_address, client_port, from_ending, to_ending, lasted_us, error, n_failed > 0
ORDER BY
    from_start_us, to_start_us, from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
    from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container, to_node,
    transport, server_address, server_port, match,
    client_address, client_port, from_ending, to_ending, lasted_us, error
