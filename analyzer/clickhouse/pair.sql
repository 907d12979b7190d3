-- Pairs the halves that one shard received since the last run, and makes conversations of them. To be run on each shard,
-- every minute or so, one run at a time:   clickhouse-client -d sockatlas -n < pair.sql
--
-- A run reads what was received until lag_s ago (60) and what the run before carried over: halves that are open, and
-- those that wait for a mate on another host, for wait_s (600). It is complete once its line in runs_local is written;
-- what a run that was interrupted left is not read, and the next one does the same again. A half that is settled never
-- counts again, however often it is sent.
--
-- Rules, the strongest first, each on what is left:
--   bytes      the mirrored 4-tuple, and the same bytes each way, which no other of that tuple has
--   single     the mirrored 4-tuple, which was used once
--   neighbour  of several lives of a 4-tuple, ordered by the client's clock: a client and the server right behind it
--   nat        the client's endpoint; or its port and the server's endpoint; or its port and the bytes each way: where
--              each is the only one that the other can be meant by
--   single     again, where one end did not read all that was sent
-- None joins what began more than a minute apart by clocks that are set against each other (clocks_local), what was
-- closed a second before it was accepted, or what received more than the other sent.

SET enable_optimize_predicate_expression = 0;

-- ---- This run ----

DROP TABLE IF EXISTS p_run;
CREATE TABLE p_run ENGINE = Memory AS
SELECT
    toUInt32((SELECT max(run) FROM runs_local) + 1) AS run,
    rand64() AS attempt,
    (SELECT max(until) FROM runs_local) AS since,
    (SELECT argMax(attempt, run) FROM runs_local) AS before,
    toDateTime(now() - (SELECT if(count() = 0, toUInt32(60), argMax(value, made)) FROM options_local WHERE name = 'lag_s'))
        AS until,
    (SELECT if(count() = 0, toUInt32(600), argMax(value, made)) FROM options_local WHERE name = 'wait_s') AS wait_s;

DROP TABLE IF EXISTS p_work;
CREATE TABLE p_work ENGINE = Memory AS
SELECT * FROM (
    SELECT * FROM halves_local
    WHERE received > (SELECT since FROM p_run) AND received <= (SELECT until FROM p_run)
    UNION ALL
    SELECT * FROM carried_local WHERE (half, version) IN (
        SELECT half, version FROM waiting_local WHERE attempt = (SELECT before FROM p_run))
)
WHERE half NOT IN (
    SELECT half FROM done_local
    WHERE attempt IN (SELECT attempt FROM runs_local) AND half IN (
        SELECT half FROM halves_local
        WHERE received > (SELECT since FROM p_run) AND received <= (SELECT until FROM p_run)))
ORDER BY half, version DESC LIMIT 1 BY half;

-- Those whose other end may be on another host. t: when it began, tc: when it was connected; closed 0: not yet.
DROP TABLE IF EXISTS p_cand;
CREATE TABLE p_cand (half UInt64, boot String, class String, cl UInt8, ca String, cp UInt16, sa String, sp UInt16,
    t Int64, tc Int64, closed Int64, sent UInt64, received_bytes UInt64, counted UInt8, up UInt8) ENGINE = Memory;
INSERT INTO p_cand
SELECT
    half, toString(boot_id) AS boot, if(transport = 'mptcp', 'tcp', toString(transport)) AS class,
    ifNull(toString(side), '') = 'client' AS cl,
    assumeNotNull(if(side = 'client', local_address, peer_address)) AS ca, ifNull(if(side = 'client', local_port, peer_port), 0) AS cp,
    assumeNotNull(if(side = 'client', peer_address, local_address)) AS sa, ifNull(if(side = 'client', peer_port, local_port), 0) AS sp,
    toInt64(opened_us) AS t, toInt64(if(side = 'client', ifNull(connected_us, opened_us), opened_us)) AS tc,
    toInt64(ifNull(closed_us, 0)) AS closed,
    ifNull(bytes_sent, 0) AS sent, ifNull(bytes_received, 0) AS received_bytes,
    open = 0 AND isNotNull(bytes_sent) AND isNotNull(bytes_received) AS counted,
    ifNull(outcome = 'established', 0) AS up
FROM p_work
WHERE transport IN ('tcp', 'mptcp', 'sctp', 'dccp', 'udp', 'udplite') AND side IN ('client', 'server')
    AND peer_located = 0 AND ifNull(toString(peer_kind), 'external') = 'external'
    AND isNotNull(local_address) AND isNotNull(peer_address)
    AND (outcome IN ('established', 'unanswered') OR transport IN ('udp', 'udplite'));

-- h: 1 t, 2 half, 3 tc, 4 closed, 5 sent, 6 received, 7 counted, 8 boot
DROP TABLE IF EXISTS p_alike;
CREATE TABLE p_alike ENGINE = Memory AS
SELECT class, ca, cp, sa, sp, groupArrayIf(h, cl) AS c, groupArrayIf(h, NOT cl) AS s
FROM (
    SELECT class, cl, ca, cp, sa, sp, if(cl, sent, received_bytes) AS up_bytes, if(cl, received_bytes, sent) AS down_bytes,
        (t, half, tc, closed, sent, received_bytes, counted, boot) AS h
    FROM p_cand WHERE counted AND sent > 0 AND received_bytes > 0
)
GROUP BY class, ca, cp, sa, sp, up_bytes, down_bytes
HAVING length(c) = 1 AND length(s) = 1;

-- ---- Clocks ----

INSERT INTO clocks_local (from_boot_id, to_boot_id, later_us, early_us, samples, run)
SELECT from_boot_id, to_boot_id, median_us, median_us - low_us, n, (SELECT run FROM p_run)
FROM (
    SELECT w.1 AS from_boot_id, w.2 AS to_boot_id, quantileExact(0.5)(w.3) AS median_us, quantileExact(0.02)(w.3) AS low_us,
        toUInt32(count()) AS n
    FROM (
        SELECT arrayJoin([(c[1].8, s[1].8, s[1].1 - c[1].3), (s[1].8, c[1].8, c[1].3 - s[1].1)]) AS w
        FROM p_alike WHERE c[1].8 != s[1].8
    )
    GROUP BY from_boot_id, to_boot_id
);

DROP TABLE IF EXISTS p_clock;
CREATE TABLE p_clock ENGINE = Memory AS
SELECT cb, sb, k.1 AS later, k.2 AS early, toUInt8(1) AS known
FROM (
    SELECT from_boot_id AS cb, to_boot_id AS sb,
        argMax((later_us, least(early_us, toInt64(1000000))), (samples >= 16) * 10000000000 + run) AS k
    FROM clocks_local GROUP BY from_boot_id, to_boot_id
);

-- ---- The mirrored 4-tuple ----

DROP TABLE IF EXISTS p_pairs;
CREATE TABLE p_pairs (c_half UInt64, s_half UInt64, rule String) ENGINE = Memory;

INSERT INTO p_pairs
SELECT c_half, s_half, 'bytes'
FROM (
    SELECT c[1].2 AS c_half, s[1].2 AS s_half, c[1].8 AS cb, s[1].8 AS sb, s[1].1 - c[1].3 AS gap, c[1].4 AS closed,
        s[1].1 AS accepted
    FROM p_alike
) AS l
ANY LEFT JOIN p_clock USING cb, sb
WHERE gap - later BETWEEN -5000000 AND 60000000 AND accepted - later <= closed + 1000000;

DROP TABLE IF EXISTS p_group;
CREATE TABLE p_group ENGINE = Memory AS
SELECT class, ca, cp, sa, sp, arraySort(x -> x.1, groupArrayIf(h, cl)) AS c, arraySort(x -> x.1, groupArrayIf(h, NOT cl)) AS s,
    c[1].8 AS cb, s[1].8 AS sb
FROM (SELECT class, cl, ca, cp, sa, sp, (t, half, tc, closed, sent, received_bytes, counted, boot) AS h FROM p_cand)
GROUP BY class, ca, cp, sa, sp
HAVING length(c) > 0 AND length(s) > 0;

INSERT INTO p_pairs
SELECT x.2, y.2, 'single'
FROM (SELECT c[1] AS x, s[1] AS y, cb, sb FROM p_group WHERE length(c) = 1 AND length(s) = 1) AS l
ANY LEFT JOIN p_clock USING cb, sb
WHERE NOT (x.7 AND y.7 AND (x.6 > y.5 + 1 OR y.6 > x.5 + 1 OR x.6 + 1 < y.5 OR y.6 + 1 < x.5))
    AND (known = 0 OR y.1 - x.3 - later BETWEEN -5000000 AND if(x.7 AND y.7, 86400000000, 60000000))
    AND x.2 NOT IN (SELECT c_half FROM p_pairs) AND y.2 NOT IN (SELECT s_half FROM p_pairs);

-- All lives of a tuple in the order of the client's clock, servers by as much later as they are ever early: of each two
-- neighbours, a client and then a server.
DROP TABLE IF EXISTS p_lives;
CREATE TABLE p_lives ENGINE = Memory AS
SELECT c, s, later, arrayResize(emptyArrayInt64(), length(s), early - later) AS shifts
FROM (
    SELECT groupArrayIf(h, cl) AS c, groupArrayIf(h, NOT cl) AS s, c[1].8 AS cb, s[1].8 AS sb
    FROM (
        SELECT class, cl, ca, cp, sa, sp, (t, half, tc, closed, sent, received_bytes, counted, boot) AS h FROM p_cand
        WHERE half NOT IN (SELECT c_half FROM p_pairs) AND half NOT IN (SELECT s_half FROM p_pairs)
    )
    GROUP BY class, ca, cp, sa, sp
    HAVING length(c) > 0 AND length(s) > 0
) AS l
ANY LEFT JOIN p_clock USING cb, sb;

INSERT INTO p_pairs
SELECT a.2, b.2, 'neighbour'
FROM (
    SELECT arrayJoin(arrayMap((x, y) -> (x, y), arrayPopBack(m), arrayPopFront(m))) AS p, p.1 AS a, p.2 AS b, later
    FROM (
        SELECT later, arraySort(x -> (x.9, x.10), arrayConcat(
            arrayMap(x -> (x.1, x.2, x.3, x.4, x.5, x.6, x.7, x.8, x.1, toUInt8(0)), c),
            arrayMap((x, y) -> (x.1, x.2, x.3, x.4, x.5, x.6, x.7, x.8, x.1 + y, toUInt8(1)), s, shifts))) AS m
        FROM p_lives
    )
)
WHERE a.10 = 0 AND b.10 = 1 AND b.1 - a.3 - later BETWEEN -1000000 AND 60000000
    AND (a.4 = 0 OR b.1 - later <= a.4 + 1000000)
    AND NOT (a.7 AND b.7 AND (a.6 > b.5 + 1 OR b.6 > a.5 + 1 OR a.6 + 1 < b.5 OR b.6 + 1 < a.5));

-- ---- Through translators ----

DROP TABLE IF EXISTS p_left;
CREATE TABLE p_left ENGINE = Memory AS
SELECT * FROM p_cand
WHERE up AND cp != 0 AND half NOT IN (SELECT c_half FROM p_pairs) AND half NOT IN (SELECT s_half FROM p_pairs);

-- Every two that could be meant: by the client's endpoint, by its port and the server's endpoint, by its port and bytes.
DROP TABLE IF EXISTS p_combo;
CREATE TABLE p_combo (c_half UInt64, s_half UInt64, way UInt8, cb String, sb String, gap Int64, accepted Int64, closed Int64,
    agree UInt8, contradict UInt8) ENGINE = Memory;

INSERT INTO p_combo
SELECT x.2, y.2, way, x.8, y.8, y.1 - x.3, y.1, x.4,
    x.7 AND y.7 AND x.5 = y.6 AND x.6 = y.5 AND x.5 > 0 AND x.6 > 0, x.7 AND y.7 AND (x.6 > y.5 + 1 OR y.6 > x.5 + 1)
FROM (
    SELECT way, x, arrayJoin(s) AS y
    FROM (
        SELECT way, arrayJoin(c) AS x, s
        FROM (
            SELECT way, groupArrayIf(h, cl) AS c, groupArrayIf(h, NOT cl) AS s
            FROM (
                SELECT cl, (t, half, tc, closed, sent, received_bytes, counted, boot) AS h,
                    arrayJoin([
                        (toUInt8(1), cityHash64(class, ca, cp)),
                        (toUInt8(2), cityHash64(class, cp, sa, sp)),
                        (toUInt8(if(counted AND sent > 0 AND received_bytes > 0, 3, 0)),
                            cityHash64(class, cp, if(cl, sent, received_bytes), if(cl, received_bytes, sent)))]) AS k,
                    k.1 AS way, k.2 AS key
                FROM p_left
            )
            WHERE way != 0
            GROUP BY way, key
            HAVING length(c) > 0 AND length(s) > 0 AND length(c) <= 64 AND length(s) <= 64
        )
    )
);

-- By the client's endpoint first, then by its kept port; one is chosen where the other chooses it too.
DROP TABLE IF EXISTS p_fit;
CREATE TABLE p_fit ENGINE = Memory AS
SELECT c_half, s_half, min(if(way = 1, 1, 2)) AS step, max(agree) AS agree, max(met) AS met
FROM (
    SELECT c_half, s_half, way, agree, gap - later AS apart, apart BETWEEN -1000000 AND 1000000 AS met
    FROM (SELECT * FROM p_combo WHERE contradict = 0) AS l ANY LEFT JOIN p_clock USING cb, sb
    WHERE apart BETWEEN -5000000 AND 60000000 AND (closed = 0 OR accepted - later <= closed + 1000000)
)
GROUP BY c_half, s_half;

DROP TABLE IF EXISTS p_chosen;
CREATE TABLE p_chosen ENGINE = Memory AS
SELECT c_half, s_half, step
FROM (
    SELECT c_half, chosen AS s_half, step
    FROM (
        SELECT c_half, step, groupArray((s_half, agree, met)) AS n, arrayFilter(x -> x.2 = 1, n) AS n_agree,
            arrayFilter(x -> x.3 = 1, if(length(n_agree) > 0, n_agree, n)) AS n_met,
            if(length(n) = 1, n[1].1, if(length(n_agree) = 1, n_agree[1].1, if(length(n_met) = 1, n_met[1].1, toUInt64(0))))
                AS chosen
        FROM p_fit GROUP BY c_half, step
    )
) AS l
ANY INNER JOIN (
    SELECT s_half, chosen AS c_half, step
    FROM (
        SELECT s_half, step, groupArray((c_half, agree, met)) AS n, arrayFilter(x -> x.2 = 1, n) AS n_agree,
            arrayFilter(x -> x.3 = 1, if(length(n_agree) > 0, n_agree, n)) AS n_met,
            if(length(n) = 1, n[1].1, if(length(n_agree) = 1, n_agree[1].1, if(length(n_met) = 1, n_met[1].1, toUInt64(0))))
                AS chosen
        FROM p_fit GROUP BY s_half, step
    )
) AS r USING c_half, s_half, step;

INSERT INTO p_pairs SELECT c_half, s_half, 'nat' FROM p_chosen WHERE step = 1;

INSERT INTO p_pairs
SELECT c_half, s_half, 'nat' FROM p_chosen
WHERE step = 2 AND c_half NOT IN (SELECT c_half FROM p_pairs) AND s_half NOT IN (SELECT s_half FROM p_pairs);

-- One end did not read all that the other sent.
INSERT INTO p_pairs
SELECT x.2, y.2, 'single'
FROM (SELECT c[1] AS x, s[1] AS y, cb, sb FROM p_group WHERE length(c) = 1 AND length(s) = 1) AS l
ANY LEFT JOIN p_clock USING cb, sb
WHERE NOT (x.7 AND y.7 AND (x.6 > y.5 + 1 OR y.6 > x.5 + 1))
    AND (known = 0 OR y.1 - x.3 - later BETWEEN -1000000 AND 5000000)
    AND x.2 NOT IN (SELECT c_half FROM p_pairs) AND y.2 NOT IN (SELECT s_half FROM p_pairs);

-- ---- What came of it ----

DROP TABLE IF EXISTS p_peer;
CREATE TABLE p_peer ENGINE = Memory AS
SELECT c_half AS half, s_half AS other, rule, toUInt8(1) AS begins FROM p_pairs
UNION ALL
SELECT s_half AS half, c_half AS other, rule, toUInt8(0) AS begins FROM p_pairs;

DROP TABLE IF EXISTS p_other;
CREATE TABLE p_other ENGINE = Memory AS
SELECT
    half AS other, settled AS o_settled, boot_id AS o_boot_id, host AS o_host, pid AS o_pid, start_us AS o_start_us,
    comm AS o_comm, exe AS o_exe, unit AS o_unit, container AS o_container, opened_us AS o_opened_us,
    closed_us AS o_closed_us, open AS o_open, ending AS o_ending, bytes_sent AS o_bytes_sent,
    bytes_received AS o_bytes_received, retransmits AS o_retransmits, rtt_us AS o_rtt_us, sockets AS o_sockets,
    complete AS o_complete
FROM p_work WHERE half IN (SELECT half FROM p_peer);

-- begins: it is the row's own process that began. counts: the conversation is told by this half, not by the other one.
DROP TABLE IF EXISTS p_told;
CREATE TABLE p_told ENGINE = Memory AS
SELECT
    *,
    CAST(other = 0 AND half IN (SELECT half FROM p_cand) AND if(settled, received, toDateTime(intDiv(opened_us, 1000000)))
        > (SELECT until - wait_s FROM p_run) AS UInt8) AS waits,
    CAST(if(other != 0, begins, if(isNull(initiator), ifNull(CAST(side AS Nullable(String)), '') != 'server', ifNull(initiator, 0))) AS UInt8)
        AS first,
    CAST(other = 0 AND isNotNull(mate) AS UInt8) AS met,
    CAST(if(other != 0, begins, if(isNotNull(initiator), ifNull(initiator, 0) = 1 OR isNull(mate), settled = 0 AND up)) AS UInt8) AS counts,
    CAST(settled AND NOT waits AND (other = 0 OR o_settled) AS UInt8) AS done,
    CAST(other = 0 AND isNull(mate) AND how IN ('failed', 'unanswered') AS UInt8) AS fails,
    CAST(ifNull(CAST(outcome AS Nullable(String)), '') AS String) AS how,
    CAST(how = 'established' OR transport IN ('udp', 'udplite') AS UInt8) AS up
FROM (SELECT * FROM p_work ANY LEFT JOIN p_peer USING half) AS l ANY LEFT JOIN p_other USING other;

-- Each conversation once: self is who has the half, peer the other end.
INSERT INTO conversations_local
SELECT
    half, (SELECT attempt FROM p_run) AS attempt, (SELECT run FROM p_run) AS run, done, rule,
    if(first, self.1, peer.1), if(first, self.2, peer.2), if(first, self.3, peer.3), if(first, self.4, peer.4),
    if(first, self.5, peer.5), if(first, self.6, peer.6), if(first, self.7, peer.7), if(first, self.8, peer.8),
    if(first, self.9, peer.9), if(first, self.10, peer.10),
    if(first, peer.1, self.1), if(first, peer.2, self.2), if(first, peer.3, self.3), if(first, peer.4, self.4),
    if(first, peer.5, self.5), if(first, peer.6, self.6), if(first, peer.7, self.7), if(first, peer.8, self.8),
    if(first, peer.9, self.9), if(first, peer.10, self.10),
    transport, ifNull(server_address, ''), ifNull(server_port, 0), if(first, ifNull(toString(peer_name), ''), ''),
    if(other != 0, if(rule = 'nat', 'nat', 'exact'), ifNull(toString(match), if(isNull(initiator), 'external', ''))) AS how_matched,
    ifNull(if(first, local_address, peer_address), ''), ifNull(if(first, local_port, peer_port), 0),
    ifNull(if(first, toString(ending), other_ending), ''), ifNull(if(first, other_ending, toString(ending)), ''),
    arrayReduce('min', times), arrayReduce('max', times), NOT fails,
    NOT fails AND open AND if(other != 0, o_open, if(met, ifNull(mate_open, 1), 1)),
    fails, fails AND how = 'unanswered',
    NOT fails AND (ifNull(ending = 'reset', 0) OR ifNull(other_ending = 'reset', 0)),
    sockets + if(other != 0, o_sockets, mate_sockets),
    ifNull(retransmits, 0) + ifNull(if(other != 0, o_retransmits, mate_retransmits), 0),
    if(fails AND how = 'failed', ifNull(toString(error), ''), ''),
    if(fails, NULL, if(first, if(isNull(bytes_sent), other_received, bytes_sent), bytes_received)),
    if(fails, NULL, if(first, if(isNull(bytes_received), other_sent, bytes_received), bytes_sent)),
    connect_us, nullIf(if(ifNull(rtt_us, 0) = 0 AND other != 0, o_rtt_us, rtt_us), 0) AS round_us,
    if(timed AND open = 0 AND closed_us > began_us, toUInt64(closed_us - began_us), NULL) AS lasted_us,
    arrayMap(x -> toUInt16(x.2 + 64 * x.3 + bitShiftRight(x.1, x.3)),
        arrayMap(x -> (x.1, x.2, arrayCount(i -> bitShiftRight(x.1, 7 + i) != 0, range(34))),
            arrayFilter(x -> x.1 != bitNot(toUInt64(0)), [
                (toUInt64(ifNull(if(timed AND first AND how = 'established', connect_us, NULL), bitNot(toUInt64(0)))), toUInt16(0)),
                (toUInt64(if(timed AND ifNull(round_us, 0) != 0, ifNull(round_us, 0), bitNot(toUInt64(0)))), toUInt16(4096)),
                (toUInt64(ifNull(lasted_us, bitNot(toUInt64(0)))), toUInt16(8192))]))),
    complete AND (other = 0 OR o_complete)
FROM (
    SELECT
        *,
        ('process', toString(host), toString(boot_id), ifNull(pid, 0), ifNull(start_us, 0), ifNull(toString(comm), ''),
            ifNull(toString(exe), ''), ifNull(toString(unit), ''), ifNull(toString(container), ''), '') AS self,
        (
            if(other != 0, 'process', ifNull(toString(peer_kind), 'external')),
            if(other != 0, toString(o_host), if(here, toString(host), '')),
            if(other != 0, toString(o_boot_id), if(here, toString(boot_id), '')),
            ifNull(if(other != 0, o_pid, peer_pid), 0), ifNull(if(other != 0, o_start_us, peer_start_us), 0),
            ifNull(toString(if(other != 0, toString(o_comm), toString(peer_comm))), ''),
            ifNull(toString(if(other != 0, toString(o_exe), toString(peer_exe))), ''),
            ifNull(toString(if(other != 0, toString(o_unit), toString(peer_unit))), ''),
            ifNull(toString(if(other != 0, toString(o_container), toString(peer_container))), ''),
            if(outside, ifNull(peer_node, ifNull(peer_address, '')), '')) AS peer,
        other = 0 AND ifNull(toString(peer_kind), 'external') = 'external' AS outside,
        other = 0 AND (NOT outside OR peer_located) AS here,
        NOT fails AND transport NOT IN ('udp', 'udplite') AND ifNull(toString(match), '') != 'pair' AS timed,
        arrayFilter(x -> x != 0, [opened_us, ifNull(closed_us, 0), if(fails, opened_us + ifNull(connect_us, 0), opened_us),
            ifNull(if(other != 0, o_closed_us, mate_closed_us), 0)]) AS times,
        if(other != 0, toString(o_ending), toString(mate_ending)) AS other_ending,
        if(other != 0, o_bytes_received, mate_bytes_received) AS other_received,
        if(other != 0, o_bytes_sent, mate_bytes_sent) AS other_sent
    FROM p_told WHERE counts AND NOT waits
);

INSERT INTO done_local (half, attempt)
SELECT half, (SELECT attempt FROM p_run) FROM p_told WHERE done;

-- What is open and was not heard of for a day is given up.
INSERT INTO waiting_local (half, version, attempt)
SELECT half, version, (SELECT attempt FROM p_run) FROM p_told
WHERE NOT done AND received > (SELECT until - 86400 FROM p_run);

INSERT INTO carried_local
SELECT * FROM p_work WHERE half IN (SELECT half FROM waiting_local WHERE attempt = (SELECT attempt FROM p_run))
    AND (half, version) NOT IN (SELECT half, version FROM waiting_local WHERE attempt = (SELECT before FROM p_run));

INSERT INTO runs_local (run, attempt, since, until) SELECT run, attempt, since, until FROM p_run;
