// SPDX-License-Identifier: MIT
//
// server.js PORT DATABASE-PORT: an ordinary Express server; each request asks PostgreSQL for the process that answers it.
'use strict';
const express = require('express');
const { Pool } = require('pg');

const [port, database] = process.argv.slice(2).map(Number);
// Connections are kept, however long the next visitor takes.
const pool = new Pool({ host: '127.0.0.1', port: database, user: 'house', database: 'postgres', max: 2, idleTimeoutMillis: 0 });
const app = express();

app.get('/', async (request, response, next) => {
    try {
        // Two questions at once, each long enough that the pool needs two connections.
        const answers = await Promise.all([1, 2].map(() => pool.query('select pg_backend_pid() as pid, pg_sleep(0.2)')));
        const pids = answers.map((answer) => answer.rows[0].pid).sort((a, b) => a - b);
        response.send(`node ${process.pid} was answered by postgres ${pids.join(' and ')}\n`);
    } catch (error) {
        next(error);
    }
});

const server = app.listen(port, '127.0.0.1', () => console.log('ready'));
process.on('SIGTERM', () => server.close(() => pool.end()));
