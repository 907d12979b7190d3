# SPDX-License-Identifier: MIT
#
# catalog.py PORT STORE DATABASE: the shop's articles. They stand in PostgreSQL; redis remembers for a while what was asked for lately.
import http.server
import queue
import signal
import sys

import psycopg2
import redis

port, store_port, database_port = map(int, sys.argv[1:])
store = redis.Redis("127.0.0.1", store_port, decode_responses=True)
database = queue.SimpleQueue()  # a pool: whoever needs a connection takes one and puts it back
for _ in range(2):
    database.put(psycopg2.connect(host="127.0.0.1", port=database_port, user="house", dbname="postgres"))


def fill():
    connection = database.get()
    with connection, connection.cursor() as cursor:
        cursor.execute("create table article (id int primary key, name text, price int)")
        cursor.execute("insert into article select n, 'door ' || n, 100 * n from generate_series(1, 100) n")
    database.put(connection)


def look_up(number):
    connection = database.get()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("select name, price from article where id = %s", (number,))
            return cursor.fetchone()
    finally:
        database.put(connection)


def article(number):
    line = store.get(f"article:{number}")
    if line is None:
        name, price = look_up(number)
        line = f"{name}: {price / 100:.2f}"
        store.set(f"article:{number}", line, ex=60)
    return line


class Catalog(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        body = (article(int(self.path.rsplit("/", 1)[1])) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024  # 5 else


fill()
server = Server(("127.0.0.1", port), Catalog)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
print("ready", flush=True)
server.serve_forever()
