// SPDX-License-Identifier: MIT
//
// Loads in Go, as load.h says: `load_go http`: requests, each over a connection of its own, client and server in this
// process; `kept`: over kept ones; `pingpong`: 64 bytes there and back over one connection.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load_go:", err)
		os.Exit(1)
	}
}

func cpu() uint64 {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return uint64(used.Utime.Nano() + used.Stime.Nano())
}

func requests(keep bool) func() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go http.Serve(listener, http.HandlerFunc(func(to http.ResponseWriter, _ *http.Request) { io.WriteString(to, "answer") }))
	// A reset spares the TIME_WAIT that would use up the ports.
	dial := func(network, address string) (net.Conn, error) {
		connection, err := net.Dial(network, address)
		if err == nil && !keep {
			connection.(*net.TCPConn).SetLinger(0)
		}
		return connection, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: !keep, Dial: dial}}
	address := "http://" + listener.Addr().String()
	return func() {
		answer, err := client.Get(address)
		check(err)
		_, err = io.Copy(io.Discard, answer.Body)
		check(err)
		check(answer.Body.Close())
	}
}

func pingpong() func() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	connection, err := net.Dial("tcp", listener.Addr().String())
	check(err)
	other, err := listener.Accept()
	check(err)
	go io.CopyBuffer(struct{ io.Writer }{other}, struct{ io.Reader }{other}, make([]byte, 64))
	var data [64]byte
	return func() {
		_, err := connection.Write(data[:])
		check(err)
		_, err = io.ReadFull(connection, data[:])
		check(err)
	}
}

func main() {
	loads := map[string]func() func(){
		"http":     func() func() { return requests(false) },
		"kept":     func() func() { return requests(true) },
		"pingpong": pingpong,
	}
	once := loads[os.Args[1]]()
	var count uint64
	for binary.Read(os.Stdin, binary.LittleEndian, &count) == nil {
		began, used := time.Now(), cpu()
		for i := uint64(0); i < count; i++ {
			once()
		}
		took := [3]uint64{cpu() - used, uint64(time.Since(began)), count}
		check(binary.Write(os.Stdout, binary.LittleEndian, took))
	}
}
