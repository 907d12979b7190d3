-- The map by {by}: process, program, unit (of systemd), container or host: who talks to whom, between {since} and {until}
-- (seconds since the epoch). ?: its unit or container is not known, or it is in none.
SELECT
    if(from_kind = 'external', from_node, multiIf(
        '{by}' = 'host', toString(from_host), '{by}' = 'unit', if(from_unit = '', '?', toString(from_unit)),
        '{by}' = 'container', if(from_container = '', '?', toString(from_container)), '{by}' = 'program', toString(from_comm),
        concat(toString(from_comm), ' (', toString(from_pid), ')', if(from_host = '', '', concat(' on ', toString(from_host)))))
        ) AS client,
    if(to_kind = 'external', to_node, multiIf(
        '{by}' = 'host', toString(to_host), '{by}' = 'unit', if(to_unit = '', '?', toString(to_unit)),
        '{by}' = 'container', if(to_container = '', '?', toString(to_container)), '{by}' = 'program', toString(to_comm),
        concat(toString(to_comm), ' (', toString(to_pid), ')', if(to_host = '', '', concat(' on ', toString(to_host)))))
        ) AS server,
    transport,
    sum(sum_connections) AS connections,
    sum(sum_failed) AS failed,
    sum(sum_retransmits) AS retransmits,
    if(sum(known_sent) = 0, NULL, sum(sum_sent)) AS bytes_sent,
    if(sum(known_received) = 0, NULL, sum(sum_received)) AS bytes_received
FROM edges
WHERE bucket >= toStartOfFiveMinute(toDateTime({since})) AND bucket < toDateTime({until})
    AND attempt IN (SELECT attempt FROM sockatlas.runs_local)
GROUP BY client, server, transport
ORDER BY client, server, transport
