-- Where segments had to be sent again, between {since} and {until}: per pair of hosts and server's port.
SELECT
    if(from_kind = 'external', from_node, toString(from_host)) AS client_host,
    if(to_kind = 'external', to_node, toString(to_host)) AS server_host,
    server_port,
    sum(sum_retransmits) AS retransmits,
    sum(sum_connections) AS connections
FROM edges
WHERE bucket >= toStartOfFiveMinute(toDateTime({since})) AND bucket < toDateTime({until})
    AND attempt IN (SELECT attempt FROM sockatlas.runs_local)
GROUP BY client_host, server_host, server_port
HAVING retransmits > 0
ORDER BY retransmits DESC, client_host, server_host, server_port
