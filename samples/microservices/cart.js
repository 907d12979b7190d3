// SPDX-License-Identifier: MIT
//
// cart.js PORT STORE: who has what in the shop's carts, all of it in redis. POST /cart/WHO/ARTICLE puts one in, GET /cart/WHO tells.
'use strict';
const http = require('http');
const redis = require('redis');

const [port, store_port] = process.argv.slice(2).map(Number);
const store = redis.createClient({ socket: { host: '127.0.0.1', port: store_port } });

async function answer(request, response) {
    const [, , who, article] = request.url.split('/');
    if (request.method === 'POST') await store.hIncrBy(`cart:${who}`, article, 1);
    response.end(`${JSON.stringify(await store.hGetAll(`cart:${who}`))}\n`);
}

const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => {
        response.statusCode = 500;
        response.end(`${error.message}\n`);
    });
});

store.connect().then(() => server.listen(port, '127.0.0.1', () => console.log('ready')));
process.on('SIGTERM', () => {
    server.close(() => store.quit());
    server.closeIdleConnections();
});
