-- Edges between programs that are there between {since} and {until} and were not in as long a time a day before, and
-- those that were there then and are gone.
SELECT if(after > 0, 'new', 'gone') AS change, client, server, server_port, greatest(before, after) AS conversations
FROM (
    SELECT
        if(from_kind = 'external', from_node, toString(from_comm)) AS client,
        if(to_kind = 'external', to_node, toString(to_comm)) AS server,
        server_port,
        sumIf(sum_connections + sum_failed, bucket >= toStartOfFiveMinute(toDateTime({since}))) AS after,
        sumIf(sum_connections + sum_failed, bucket < toDateTime({until} - 86400)) AS before
    FROM edges
    WHERE ((bucket >= toStartOfFiveMinute(toDateTime({since})) AND bucket < toDateTime({until}))
        OR (bucket >= toStartOfFiveMinute(toDateTime({since} - 86400)) AND bucket < toDateTime({until} - 86400)))
        AND attempt IN (SELECT attempt FROM sockatlas.runs_local)
    GROUP BY client, server, server_port
)
WHERE before = 0 OR after = 0
ORDER BY change, client, server, server_port
