// SPDX-License-Identifier: MIT
//
// What golang.sh traces: an HTTP server and its client. `serve`: says its address, answers GET /N with N bytes while
// memory is collected and a profile is taken, and ends at SIGTERM. `get ADDRESS CLIENTS EACH keep|close`: so many
// goroutines ask so often, by kept connections or one a request; says how many bytes came. `hold ADDRESS COUNT`: opens
// so many connections, asks once by each, and keeps them until its input ends.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
}

func answer(to http.ResponseWriter, request *http.Request) {
	size, err := strconv.Atoi(strings.TrimPrefix(request.URL.Path, "/"))
	if err != nil {
		http.NotFound(to, request)
		return
	}
	io.WriteString(to, strings.Repeat("x", size))
}

func serve() {
	var profile bytes.Buffer
	check(pprof.StartCPUProfile(&profile))
	go func() {
		for {
			runtime.GC()
			time.Sleep(10 * time.Millisecond)
		}
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr())
	go http.Serve(listener, http.HandlerFunc(answer))
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	pprof.StopCPUProfile()
	os.Exit(3)
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func get(address string, clients, each int, keep bool) {
	transport := &http.Transport{DisableKeepAlives: !keep, MaxIdleConnsPerHost: clients}
	client := http.Client{Transport: transport}
	var all sync.WaitGroup
	var sum int64
	for i := 0; i < clients; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for j := 0; j < each; j++ {
				got, err := client.Get(fmt.Sprintf("http://%s/%d", address, 10*i+j))
				check(err)
				size, err := io.Copy(io.Discard, got.Body)
				check(err)
				got.Body.Close()
				atomic.AddInt64(&sum, size)
			}
		}(i)
	}
	all.Wait()
	transport.CloseIdleConnections()
	fmt.Println(sum)
}

func hold(address string, count int) {
	for i := 0; i < count; i++ {
		connection, err := net.Dial("tcp", address)
		check(err)
		fmt.Fprintf(connection, "GET /5 HTTP/1.1\r\nHost: here\r\n\r\n")
		var got [4096]byte
		_, err = connection.Read(got[:])
		check(err)
		defer connection.Close()
	}
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
}

func main() {
	switch os.Args[1] {
	case "serve":
		serve()
	case "get":
		get(os.Args[2], number(os.Args[3]), number(os.Args[4]), os.Args[5] == "keep")
	case "hold":
		hold(os.Args[2], number(os.Args[3]))
	}
}
