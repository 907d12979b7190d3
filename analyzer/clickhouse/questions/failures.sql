-- Attempts to connect that failed, by why, between {since} and {until}. unanswered: given up before anybody answered.
SELECT
    if(sum_unanswered > 0, 'unanswered', toString(error)) AS why,
    if(from_kind = 'external', from_node, toString(from_comm)) AS client,
    server_address,
    server_port,
    sum(sum_failed) AS failed
FROM edges
WHERE sum_failed > 0 AND bucket >= toStartOfFiveMinute(toDateTime({since})) AND bucket < toDateTime({until})
    AND attempt IN (SELECT attempt FROM sockatlas.runs_local)
GROUP BY why, client, server_address, server_port
ORDER BY failed DESC, why, client, server_address, server_port
