// SPDX-License-Identifier: MIT
//
// duckdb.js [FILE]: which process connected to which, how often, out of an export as JSON Lines, as sql_program of
// bench_analyzer.c asks it. Without FILE only what every run of it costs: node's start and the binding's.
"use strict";
const path = require("path");
const duckdb = require(path.join(__dirname, "../../build/bench/npm/node_modules/@duckdb/node-api"));

const columns = `{event: 'VARCHAR', pid: 'UBIGINT', time_ns: 'UBIGINT', local_address: 'VARCHAR', local_port: 'INTEGER',
                  peer_address: 'VARCHAR', peer_port: 'INTEGER'}`;

async function main(file) {
    const instance = await duckdb.DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    if (!file)
        return;
    const rows = await connection.runAndReadAll(
        `with events as (
           select event, pid, time_ns, case when event = 'connect' then local_address || ' ' || local_port
                                            else peer_address || ' ' || peer_port end as client
           from read_json('${file}', format = 'newline_delimited', columns = ${columns})
           where event in ('connect', 'accept')),
         pairs as (select event, lag(pid) over (partition by client order by time_ns) as client_pid, pid from events)
         select client_pid, pid, count(*) from pairs where event = 'accept' group by all order by all`);
    for (const row of rows.getRows())
        console.log(row.join(" "));
}

main(process.argv[2]).catch((error) => {
    console.error(String(error));
    process.exit(1);
});
