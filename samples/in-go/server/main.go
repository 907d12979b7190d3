// SPDX-License-Identifier: MIT
//
// server PORT DATABASE: says when it is ready, and answers GET /N with twice N, which it has PostgreSQL work out, over a pool of two connections.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/lib/pq"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	pool, err := sql.Open("postgres", "host=127.0.0.1 port="+os.Args[2]+" user=house dbname=postgres sslmode=disable")
	check(err)
	pool.SetMaxOpenConns(2)
	pool.SetMaxIdleConns(2)
	// Both are opened now, so that each run has two.
	one, err := pool.Conn(context.Background())
	check(err)
	other, err := pool.Conn(context.Background())
	check(err)
	check(one.Close())
	check(other.Close())
	http.HandleFunc("/", func(to http.ResponseWriter, request *http.Request) {
		var twice int
		err := pool.QueryRow("select 2 * $1::int", request.URL.Path[1:]).Scan(&twice)
		if err != nil {
			http.Error(to, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(to, twice)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	check(err)
	fmt.Println("ready")
	go http.Serve(listener, nil)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	check(pool.Close())
}
