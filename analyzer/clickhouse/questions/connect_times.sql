-- How long connecting took, per edge between programs, between {since} and {until}: microseconds.
SELECT
    if(from_kind = 'external', from_node, toString(from_comm)) AS client,
    if(to_kind = 'external', to_node, toString(to_comm)) AS server,
    server_port,
    count() AS timed,
    quantileExact(0.5)(assumeNotNull(connect_us)) AS p50_us,
    quantileExact(0.99)(assumeNotNull(connect_us)) AS p99_us
FROM conversations
WHERE settled = 1 AND isNotNull(connect_us) AND connections = 1
    AND first_us >= toUInt64({since}) * 1000000 AND first_us < toUInt64({until}) * 1000000
    AND attempt IN (SELECT attempt FROM sockatlas.runs_local)
GROUP BY client, server, server_port
ORDER BY p99_us DESC, client, server, server_port
