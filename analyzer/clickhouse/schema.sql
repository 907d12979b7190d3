-- Tables of a fleet, to be made in the database `sockatlas` of every shard; the README says how.
--
-- Names that end in _local are a shard's own; those without lead to all shards of the cluster `sockatlas`. Nothing
-- here is newer than ClickHouse 18.16, which wants allow_experimental_low_cardinality_type = 1 in the user's profile. A
-- statement ends where a line ends with a semicolon.

-- The version of what stands below. Agents and readers refuse another one.
CREATE TABLE IF NOT EXISTS schema_local (
    version UInt32,
    made DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(made) ORDER BY version;

INSERT INTO schema_local (version) VALUES (1);

-- One row per end of a conversation, as `sockatlas export --format tsv` has them. A row that is sent again has the same
-- key and is one row again. meet is the client's port, which both ends know, also through a translator that keeps it.
CREATE TABLE IF NOT EXISTS halves_local (
    half UInt64,
    version UInt64,
    settled UInt8,
    meet UInt16,
    boot_id LowCardinality(String),
    host LowCardinality(String),
    netns Nullable(UInt64),
    cookie Nullable(UInt64),
    pid Nullable(UInt32),
    start_us Nullable(UInt64),
    comm LowCardinality(Nullable(String)),
    exe LowCardinality(Nullable(String)),
    unit LowCardinality(Nullable(String)),
    container LowCardinality(Nullable(String)),
    transport LowCardinality(String),
    side LowCardinality(Nullable(String)),
    initiator Nullable(UInt8),
    local_address Nullable(String),
    local_port Nullable(UInt16),
    peer_address Nullable(String),
    peer_port Nullable(UInt16),
    peer_name LowCardinality(Nullable(String)),
    server_address Nullable(String),
    server_port Nullable(UInt16),
    opened_us UInt64,
    began_us Nullable(UInt64),
    connected_us Nullable(UInt64),
    closed_us Nullable(UInt64),
    open UInt8,
    connect_us Nullable(UInt64),
    bytes_sent Nullable(UInt64),
    bytes_received Nullable(UInt64),
    outcome LowCardinality(Nullable(String)),
    ending LowCardinality(Nullable(String)),
    reset_by LowCardinality(Nullable(String)),
    error LowCardinality(Nullable(String)),
    rtt_us Nullable(UInt32),
    retransmits Nullable(UInt32),
    sockets UInt8,
    complete UInt8,
    match LowCardinality(Nullable(String)),
    mate Nullable(UInt64),
    mate_cookie Nullable(UInt64),
    mate_sockets UInt8,
    mate_closed_us Nullable(UInt64),
    mate_open Nullable(UInt8),
    mate_ending LowCardinality(Nullable(String)),
    mate_bytes_sent Nullable(UInt64),
    mate_bytes_received Nullable(UInt64),
    mate_retransmits Nullable(UInt32),
    peer_kind LowCardinality(Nullable(String)),
    peer_pid Nullable(UInt32),
    peer_start_us Nullable(UInt64),
    peer_comm LowCardinality(Nullable(String)),
    peer_exe LowCardinality(Nullable(String)),
    peer_unit LowCardinality(Nullable(String)),
    peer_container LowCardinality(Nullable(String)),
    peer_node Nullable(String),
    peer_located UInt8,
    received DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(version) PARTITION BY toDate(received) ORDER BY (boot_id, opened_us, half);

-- Without `received`: that is when the shard has it, which may be long after it was sent, not when the cluster took it.
CREATE TABLE IF NOT EXISTS halves (
    half UInt64,
    version UInt64,
    settled UInt8,
    meet UInt16,
    boot_id LowCardinality(String),
    host LowCardinality(String),
    netns Nullable(UInt64),
    cookie Nullable(UInt64),
    pid Nullable(UInt32),
    start_us Nullable(UInt64),
    comm LowCardinality(Nullable(String)),
    exe LowCardinality(Nullable(String)),
    unit LowCardinality(Nullable(String)),
    container LowCardinality(Nullable(String)),
    transport LowCardinality(String),
    side LowCardinality(Nullable(String)),
    initiator Nullable(UInt8),
    local_address Nullable(String),
    local_port Nullable(UInt16),
    peer_address Nullable(String),
    peer_port Nullable(UInt16),
    peer_name LowCardinality(Nullable(String)),
    server_address Nullable(String),
    server_port Nullable(UInt16),
    opened_us UInt64,
    began_us Nullable(UInt64),
    connected_us Nullable(UInt64),
    closed_us Nullable(UInt64),
    open UInt8,
    connect_us Nullable(UInt64),
    bytes_sent Nullable(UInt64),
    bytes_received Nullable(UInt64),
    outcome LowCardinality(Nullable(String)),
    ending LowCardinality(Nullable(String)),
    reset_by LowCardinality(Nullable(String)),
    error LowCardinality(Nullable(String)),
    rtt_us Nullable(UInt32),
    retransmits Nullable(UInt32),
    sockets UInt8,
    complete UInt8,
    match LowCardinality(Nullable(String)),
    mate Nullable(UInt64),
    mate_cookie Nullable(UInt64),
    mate_sockets UInt8,
    mate_closed_us Nullable(UInt64),
    mate_open Nullable(UInt8),
    mate_ending LowCardinality(Nullable(String)),
    mate_bytes_sent Nullable(UInt64),
    mate_bytes_received Nullable(UInt64),
    mate_retransmits Nullable(UInt32),
    peer_kind LowCardinality(Nullable(String)),
    peer_pid Nullable(UInt32),
    peer_start_us Nullable(UInt64),
    peer_comm LowCardinality(Nullable(String)),
    peer_exe LowCardinality(Nullable(String)),
    peer_unit LowCardinality(Nullable(String)),
    peer_container LowCardinality(Nullable(String)),
    peer_node Nullable(String),
    peer_located UInt8
) ENGINE = Distributed(sockatlas, sockatlas, halves_local, cityHash64(meet));

-- What agents say of themselves, also where nothing happens.
CREATE TABLE IF NOT EXISTS agents_local (
    boot_id LowCardinality(String),
    host LowCardinality(String),
    seen_us UInt64,
    rows_sent UInt64,
    rows_lost UInt64,
    received DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(seen_us) PARTITION BY toDate(received) ORDER BY (boot_id, host, seen_us);

CREATE TABLE IF NOT EXISTS agents (
    boot_id LowCardinality(String),
    host LowCardinality(String),
    seen_us UInt64,
    rows_sent UInt64,
    rows_lost UInt64
) ENGINE = Distributed(sockatlas, sockatlas, agents_local, cityHash64(boot_id));

-- Who listens, as each agent tells of it every so often: accepted and peak since it began.
CREATE TABLE IF NOT EXISTS listeners_local (
    boot_id LowCardinality(String),
    host LowCardinality(String),
    pid UInt32,
    start_us UInt64,
    comm LowCardinality(String),
    exe LowCardinality(String),
    unit LowCardinality(String),
    container LowCardinality(String),
    transport LowCardinality(String),
    address String,
    port UInt16,
    accepted UInt64,
    peak UInt64,
    complete UInt8,
    seen_us UInt64
) ENGINE = ReplacingMergeTree(seen_us) PARTITION BY toDate(toDateTime(intDiv(seen_us, 1000000)))
ORDER BY (boot_id, pid, start_us, transport, address, port);

CREATE TABLE IF NOT EXISTS listeners AS listeners_local
ENGINE = Distributed(sockatlas, sockatlas, listeners_local, cityHash64(boot_id));

-- Hosts, and when each was heard of last: kept longer than what they said.
CREATE TABLE IF NOT EXISTS hosts_local (
    boot_id LowCardinality(String),
    host LowCardinality(String),
    last DateTime
) ENGINE = ReplacingMergeTree(last) ORDER BY (host, boot_id);

CREATE TABLE IF NOT EXISTS hosts AS hosts_local
ENGINE = Distributed(sockatlas, sockatlas, hosts_local, cityHash64(boot_id));

CREATE MATERIALIZED VIEW IF NOT EXISTS hosts_of_halves TO hosts_local AS
SELECT boot_id, host, max(received) AS last FROM halves_local GROUP BY boot_id, host;

CREATE MATERIALIZED VIEW IF NOT EXISTS hosts_of_agents TO hosts_local AS
SELECT boot_id, host, max(received) AS last FROM agents_local GROUP BY boot_id, host;

-- ---- What pair.sql makes ----

-- How long after it was received a half may still be missing from a SELECT (lag_s), and how long one that is over waits
-- for its mate on another host (wait_s).
CREATE TABLE IF NOT EXISTS options_local (
    name String,
    value UInt32,
    made DateTime DEFAULT now()
) ENGINE = MergeTree ORDER BY (name, made);

-- Runs that are complete. What another attempt left behind is not read.
CREATE TABLE IF NOT EXISTS runs_local (
    run UInt32,
    attempt UInt64,
    since DateTime,
    until DateTime,
    made DateTime DEFAULT now()
) ENGINE = MergeTree PARTITION BY toDate(made) ORDER BY run;

-- Halves that wait for their mate, or are still open, carried from run to run.
CREATE TABLE IF NOT EXISTS carried_local AS halves_local
ENGINE = ReplacingMergeTree(version) PARTITION BY toDate(received) ORDER BY half;

-- Which of them a run left.
CREATE TABLE IF NOT EXISTS waiting_local (
    half UInt64,
    version UInt64,
    attempt UInt64,
    made DateTime DEFAULT now()
) ENGINE = MergeTree PARTITION BY toDate(made) ORDER BY (attempt, half);

-- Halves that are settled: one that comes again is left out.
CREATE TABLE IF NOT EXISTS done_local (
    half UInt64,
    attempt UInt64,
    made DateTime DEFAULT now()
) ENGINE = MergeTree PARTITION BY toDate(made) ORDER BY half;

-- How much later the clock of one host says than that of another: learned from connections that can be paired in one
-- way only.
CREATE TABLE IF NOT EXISTS clocks_local (
    from_boot_id String,
    to_boot_id String,
    later_us Int64,
    early_us Int64,
    samples UInt32,
    run UInt32,
    made DateTime DEFAULT now()
) ENGINE = MergeTree PARTITION BY toDate(made) ORDER BY (from_boot_id, to_boot_id, run);

-- One row per conversation that is settled, and one per run for each of those that are not yet (settled 0): of these the
-- latest run's count. time_class: the class of each of its times, as analyzer/model/spread.c counts them, with 4096 added
-- for round trips and 8192 for lifetimes.
CREATE TABLE IF NOT EXISTS conversations_local (
    half UInt64,
    attempt UInt64,
    run UInt32,
    settled UInt8,
    rule LowCardinality(String),
    from_kind LowCardinality(String),
    from_host LowCardinality(String),
    from_boot_id LowCardinality(String),
    from_pid UInt32,
    from_start_us UInt64,
    from_comm LowCardinality(String),
    from_exe LowCardinality(String),
    from_unit LowCardinality(String),
    from_container LowCardinality(String),
    from_node String,
    to_kind LowCardinality(String),
    to_host LowCardinality(String),
    to_boot_id LowCardinality(String),
    to_pid UInt32,
    to_start_us UInt64,
    to_comm LowCardinality(String),
    to_exe LowCardinality(String),
    to_unit LowCardinality(String),
    to_container LowCardinality(String),
    to_node String,
    transport LowCardinality(String),
    server_address String,
    server_port UInt16,
    server_name LowCardinality(String),
    match LowCardinality(String),
    client_address String,
    client_port UInt16,
    from_ending LowCardinality(String),
    to_ending LowCardinality(String),
    first_us UInt64,
    last_us UInt64,
    connections UInt8,
    open UInt8,
    failed UInt8,
    unanswered UInt8,
    reset UInt8,
    sockets UInt8,
    retransmits UInt32,
    error LowCardinality(String),
    bytes_sent Nullable(UInt64),
    bytes_received Nullable(UInt64),
    connect_us Nullable(UInt64),
    rtt_us Nullable(UInt32),
    lifetime_us Nullable(UInt64),
    time_class Array(UInt16),
    complete UInt8
) ENGINE = MergeTree PARTITION BY toDate(toDateTime(intDiv(first_us, 1000000))) ORDER BY (attempt, to_comm, server_port, from_comm, first_us);

CREATE TABLE IF NOT EXISTS conversations AS conversations_local
ENGINE = Distributed(sockatlas, sockatlas, conversations_local, half);

-- The settled ones by five minutes: what the map is drawn from, and what can be kept for long. known_* counts those
-- whose bytes are known.
CREATE TABLE IF NOT EXISTS edges_local (
    bucket DateTime,
    attempt UInt64,
    from_kind LowCardinality(String),
    from_host LowCardinality(String),
    from_boot_id LowCardinality(String),
    from_pid UInt32,
    from_start_us UInt64,
    from_comm LowCardinality(String),
    from_exe LowCardinality(String),
    from_unit LowCardinality(String),
    from_container LowCardinality(String),
    from_node String,
    to_kind LowCardinality(String),
    to_host LowCardinality(String),
    to_boot_id LowCardinality(String),
    to_pid UInt32,
    to_start_us UInt64,
    to_comm LowCardinality(String),
    to_exe LowCardinality(String),
    to_unit LowCardinality(String),
    to_container LowCardinality(String),
    to_node String,
    transport LowCardinality(String),
    server_address String,
    server_port UInt16,
    server_name LowCardinality(String),
    match LowCardinality(String),
    error LowCardinality(String),
    min_us UInt64,
    max_us UInt64,
    sum_connections UInt64,
    sum_failed UInt64,
    sum_unanswered UInt64,
    sum_reset UInt64,
    sum_sockets UInt64,
    sum_retransmits UInt64,
    sum_sent UInt64,
    sum_received UInt64,
    known_sent UInt64,
    known_received UInt64,
    times_class Array(UInt16),
    times_count Array(UInt64),
    least_connect_us Nullable(UInt64),
    most_connect_us Nullable(UInt64),
    least_rtt_us Nullable(UInt32),
    most_rtt_us Nullable(UInt32),
    least_lifetime_us Nullable(UInt64),
    most_lifetime_us Nullable(UInt64)
) ENGINE = MergeTree PARTITION BY toDate(bucket) ORDER BY (bucket, to_comm, server_port, from_comm);

CREATE TABLE IF NOT EXISTS edges AS edges_local
ENGINE = Distributed(sockatlas, sockatlas, edges_local, attempt);

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_of_conversations TO edges_local AS
SELECT
    toStartOfFiveMinute(toDateTime(intDiv(first_us, 1000000))) AS bucket, attempt,
    from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit, from_container,
    from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit, to_container, to_node,
    transport, server_address, server_port, server_name, match, error,
    min(first_us) AS min_us, max(last_us) AS max_us, sum(connections) AS sum_connections, sum(failed) AS sum_failed,
    sum(unanswered) AS sum_unanswered, sum(reset) AS sum_reset, sum(sockets) AS sum_sockets,
    sum(retransmits) AS sum_retransmits, sum(ifNull(bytes_sent, 0)) AS sum_sent,
    sum(ifNull(bytes_received, 0)) AS sum_received, countIf(isNotNull(bytes_sent)) AS known_sent,
    countIf(isNotNull(bytes_received)) AS known_received,
    tupleElement(sumMap(time_class, arrayMap(x -> toUInt64(1), time_class)), 1) AS times_class,
    tupleElement(sumMap(time_class, arrayMap(x -> toUInt64(1), time_class)), 2) AS times_count,
    min(if(connections = 1, connect_us, NULL)) AS least_connect_us,
    max(if(connections = 1, connect_us, NULL)) AS most_connect_us, min(rtt_us) AS least_rtt_us, max(rtt_us) AS most_rtt_us,
    min(lifetime_us) AS least_lifetime_us, max(lifetime_us) AS most_lifetime_us
FROM conversations_local
WHERE settled = 1
GROUP BY
    bucket, attempt, from_kind, from_host, from_boot_id, from_pid, from_start_us, from_comm, from_exe, from_unit,
    from_container, from_node, to_kind, to_host, to_boot_id, to_pid, to_start_us, to_comm, to_exe, to_unit,
    to_container, to_node, transport, server_address, server_port, server_name, match, error, failed;
