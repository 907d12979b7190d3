-- Who talks to the program {name}, from which hosts, between {since} and {until}.
SELECT
    if(from_kind = 'external', from_node, toString(from_comm)) AS client,
    toString(from_host) AS client_host,
    toString(to_host) AS server_host,
    server_address,
    server_port,
    sum(sum_connections) AS connections,
    sum(sum_failed) AS failed
FROM edges
WHERE to_comm = '{name}' AND bucket >= toStartOfFiveMinute(toDateTime({since})) AND bucket < toDateTime({until})
    AND attempt IN (SELECT attempt FROM sockatlas.runs_local)
GROUP BY client, client_host, server_host, server_address, server_port
ORDER BY connections DESC, client, client_host, server_host, server_address, server_port
