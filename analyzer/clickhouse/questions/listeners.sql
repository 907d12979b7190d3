-- Who listens, as agents told between {since} and {until} (seconds since the epoch).
SELECT
    host, boot_id, pid, start_us, argMax(comm, seen_us) AS comm, argMax(exe, seen_us) AS exe, argMax(unit, seen_us) AS unit,
    argMax(container, seen_us) AS container, transport, address, port, argMax(accepted, seen_us) AS accepted,
    argMax(peak, seen_us) AS peak, argMax(complete, seen_us) AS complete
FROM listeners
WHERE seen_us >= toUInt64({since}) * 1000000 AND seen_us < toUInt64({until}) * 1000000
GROUP BY host, boot_id, pid, start_us, transport, address, port
ORDER BY start_us, host, boot_id, pid, transport, address, port
