// SPDX-License-Identifier: MIT
//
// client PORT CLIENTS EACH: so many goroutines, each with a connection of its own to localhost, ask for the double of so
// many numbers; says the sum of what they were told. Built with C in it, it has libc look up the name.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var all sync.WaitGroup
	var sum int64
	clients, err := strconv.Atoi(os.Args[2])
	check(err)
	each, err := strconv.Atoi(os.Args[3])
	check(err)
	for i := 0; i < clients; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			dial := func(ctx context.Context, _, address string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp4", address) // localhost may be ::1, too
			}
			client := http.Client{Transport: &http.Transport{DialContext: dial}}
			for n := 1; n <= each; n++ {
				var twice int64
				answer, err := client.Get(fmt.Sprintf("http://localhost:%s/%d", os.Args[1], n))
				check(err)
				_, err = fmt.Fscanln(answer.Body, &twice)
				check(err)
				check(answer.Body.Close())
				atomic.AddInt64(&sum, twice)
			}
			client.CloseIdleConnections()
		}()
	}
	all.Wait()
	fmt.Println(clients*each, "answers, together", sum)
}
