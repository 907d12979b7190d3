#!/bin/bash
# SPDX-License-Identifier: MIT
#
# samples/microservices/run.sh: a shop. nginx stands in front of two services, catalog (Python) and cart (node), which keep their things
# in one redis and one PostgreSQL; curl and wrk are the customers. What is traced is `run.sh traffic WEB CATALOG CART STORE DATABASE`,
# all of them ports of 127.0.0.1. The map is drawn in text, and as a page beside the trace.
. "$(dirname "$0")/../lib.sh"

if [ "${1:-}" != traffic ]; then
    sample_ready
    user=postgres
    # shellcheck disable=SC2046
    sample_run $(free_port 5) || exit
    shown sockatlas map --by program "$trace"
    shown sockatlas map --format html -o "$trace/map.html" "$trace"
    exit
fi

sample_begin
web=$2 catalog=$3 cart=$4 store=$5 database=$6
postgres_start "$database"
start redis-server --bind 127.0.0.1 --port "$store" --save '' --dir "$work" --logfile "$work/redis.log"
redis=$!
until_true grep -q 'Ready to accept connections' "$work/redis.log"
start "samples/$name/catalog" "$catalog" "$store" "$database" >"$work/catalog"
services=($!)
until_true grep -q ready "$work/catalog"
start env NODE_PATH=/usr/share/nodejs "samples/$name/cart" "$cart" "$store" >"$work/cart"
services+=($!)
until_true grep -q ready "$work/cart"
sed "s|WORK|$work|; s|WEB|$web|; s|:CATALOG|:$catalog|; s|:CART|:$cart|" "samples/$name/nginx.conf" >"$work/nginx.conf"
start nginx -e "$work/nginx.log" -c "$work/nginx.conf"
nginx=$!
until_true test -s "$work/nginx.pid"

shop=http://127.0.0.1:$web
curl -sS --noproxy '*' "$shop/catalog/[1-5]" "$shop/catalog/[1-5]" >"$work/articles" || exit 1
curl -sS --noproxy '*' -X POST "$shop/cart/you/[3-5]" >"$work/cart.now" || exit 1
tail -qn 1 "$work/articles" "$work/cart.now"
start wrk --threads 4 --connections 4 --duration 30s --script "samples/$name/wrk.lua" "$shop/cart/you" -- "$work/done" >"$work/wrk"
wrk=$!
have_all() { [ "$(wc -l <"$work/done")" -eq 4 ]; }
until_true have_all
stop "$wrk" INT
wait "$wrk" || exit 1
for each in "$nginx" "${services[@]}" "$redis"; do
    stop "$each"
done
postgres_stop
