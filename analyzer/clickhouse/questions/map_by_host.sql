-- The map by host: who talks to whom, between {since} and {until} (seconds since the epoch).
SELECT
    if(from_kind = 'external', from_node, toString(from_host)) AS client,
    if(to_kind = 'external', to_node, toString(to_host)) AS server,
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
