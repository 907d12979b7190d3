// SPDX-License-Identifier: MIT
//
// An http server of two workers behind one port, asked with fetch and through a unix socket; a child process; failures.
'use strict';
const cluster = require('cluster');
const http = require('http');
const net = require('net');
const { execFile } = require('child_process');

function get(options) {
    return new Promise((resolve, reject) => {
        http.get(options, (answer) => {
            let text = '';
            answer.on('data', (piece) => (text += piece)).on('end', () => resolve(text));
        }).on('error', reject);
    });
}

async function primary() {
    const workers = [cluster.fork(), cluster.fork()];
    let port;
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.on('message', (message) => {
        port = message.port || port;
        if (message.path) resolve();
    }))));
    for (let n = 0; n < 10; n++)
        console.log(await (await fetch(`http://127.0.0.1:${port}/${n}`, { headers: { connection: 'close' } })).text());
    const many = await Promise.all(Array.from({ length: 40 }, (_, n) => fetch(`http://127.0.0.1:${port}/many`).then((a) => a.status)));
    console.log(many.join(' '));
    const posted = await fetch(`http://127.0.0.1:${port}/post`, { method: 'POST', body: 'x'.repeat(1000000) });
    console.log(await posted.text());
    console.log(await get({ socketPath: `${process.cwd()}/1.sock`, path: '/unix' }));
    await fetch('http://127.0.0.1:3/').catch((error) => console.log(error.cause ? error.cause.code || error.cause.message : error.message));
    await new Promise((resolve) => net.connect('none.sock').on('error', (error) => resolve(console.log(error.code))));
    await new Promise((resolve) => execFile('sh', ['-c', 'echo child; exit 3'], (error, out) => resolve(console.log(out.trim(), error.code))));
    const ended = workers.map((worker) => new Promise((resolve) => worker.on('exit', (code) => resolve(code))));
    workers.forEach((worker) => worker.disconnect());
    console.log('workers', (await Promise.all(ended)).join(' '));
}

function worker() {
    const answer = (request, response) => {
        let size = 0;
        request.on('data', (piece) => (size += piece.length)).on('end', () => response.end(`${request.method} ${request.url} ${size}`));
    };
    const server = http.createServer(answer).listen(0, '127.0.0.1', () => process.send({ port: server.address().port }, () => {
        http.createServer(answer).listen(`${process.cwd()}/${cluster.worker.id}.sock`, () => process.send({ path: true }));
    }));
}

if (cluster.isPrimary) primary();
else worker();
