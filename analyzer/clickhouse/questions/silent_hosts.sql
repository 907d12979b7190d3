-- Hosts of which nothing has come for {seconds} seconds, neither a conversation nor an agent's sign of life.
SELECT host, boot_id, max(last) AS heard
FROM hosts
GROUP BY host, boot_id
HAVING heard < now() - {seconds}
ORDER BY heard, host, boot_id
