// SPDX-License-Identifier: MIT
//
// What patched.sh traces: a Go program that knows what it does. `all`: connections from many goroutines while memory is
// collected and signals come, a datagram each way, a unix socket, a refused connect, children; says what it sees of
// itself, and ends with status 5. `dial ADDRESS`: one exchange, status 7. `die ADDRESS`: the same, and kills itself.
// `name NAME`: listens, and connects there by that name. `take`: takes all that comes over eight connections; `leave ADDRESS`: eight
// goroutines send there until the process ends, status 4. `id`: who it runs as. Nothing that it prints differs from one
// run to the next.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
}

// Sends five bytes and gets three, then the end.
func exchange(network, address string) {
	connection, err := net.Dial(network, address)
	check(err)
	_, err = connection.Write([]byte("hello"))
	check(err)
	said, err := io.ReadAll(connection)
	check(err)
	if string(said) != "hi\n" {
		fmt.Printf("got %q\n", said)
	}
	connection.Close()
}

func serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			var got [5]byte
			_, err := io.ReadFull(connection, got[:])
			check(err)
			_, err = connection.Write([]byte("hi\n"))
			check(err)
			connection.Close()
		}()
	}
}

// Collects memory, moves stacks and sends signals until it is told to stop.
func disturb(stop chan bool) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		runtime.GC()
		check(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
		time.Sleep(time.Millisecond)
	}
}

func deepen(depth int) int {
	var deep [256]byte
	if depth == 0 {
		return int(deep[0])
	}
	return deepen(depth-1) + int(deep[depth%256])
}

func many(address string) {
	var all sync.WaitGroup
	for i := 0; i < 300; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			exchange("tcp", address)
			deepen(100)
		}()
		if i%50 == 0 {
			time.Sleep(2 * time.Millisecond)
		}
	}
	all.Wait()
}

func datagrams() {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(err)
	client, err := net.Dial("udp", server.LocalAddr().String())
	check(err)
	var got [16]byte
	client.Write([]byte("seven b"))
	size, from, err := server.ReadFrom(got[:])
	check(err)
	server.WriteTo(got[:size-3], from)
	size, err = client.Read(got[:])
	check(err)
	fmt.Println("datagram", size)
}

func run(arguments ...string) {
	command := exec.Command(arguments[0], arguments[1:]...)
	said, err := command.CombinedOutput()
	fmt.Printf("%s%v\n", said, err)
}

func self() {
	pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	fmt.Println("children", pid, err)
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	for _, line := range bytes.Split(status, []byte("\n")) {
		for _, name := range []string{"TracerPid:", "NoNewPrivs:", "Seccomp:", "SigBlk:", "SigIgn:"} {
			if bytes.HasPrefix(line, []byte(name)) {
				fmt.Printf("%s\n", line)
			}
		}
	}
	open, err := os.ReadDir("/proc/self/fd")
	check(err)
	fmt.Println("open", len(open))
}

func all() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		for range signals {
		}
	}()
	self()
	var profile bytes.Buffer
	check(pprof.StartCPUProfile(&profile))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go serve(listener)
	stop := make(chan bool)
	go disturb(stop)
	many(listener.Addr().String())
	stop <- true
	pprof.StopCPUProfile()
	datagrams()
	path, err := os.ReadFile("socket-path")
	check(err)
	unix, err := net.Listen("unix", string(path))
	check(err)
	go serve(unix)
	exchange("unix", string(path))
	address := listener.Addr().String()
	run(os.Args[0], "dial", address)
	run("/usr/bin/env", "-i", os.Args[0], "dial", address)
	run("/nowhere/at/all")
	run("/etc/passwd")
	listener.Close()
	_, err = net.Dial("tcp", address)
	fmt.Println("refused", err != nil)
	self()
	os.Exit(5)
}

func main() {
	switch os.Args[1] {
	case "all":
		all()
	case "dial":
		exchange("tcp", os.Args[2])
		os.Exit(7)
	case "die":
		exchange("tcp", os.Args[2])
		check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
	case "serve":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		fmt.Println(listener.Addr())
		serve(listener)
	case "name":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		go serve(listener)
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		exchange("tcp", net.JoinHostPort(os.Args[2], port))
	case "leave":
		for i := 0; i < 8; i++ {
			connection, err := net.Dial("tcp", os.Args[2])
			check(err)
			go func() {
				for {
					connection.Write([]byte("more and more"))
				}
			}()
		}
		time.Sleep(20 * time.Millisecond)
		os.Exit(4)
	case "take":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		fmt.Println(listener.Addr())
		var all sync.WaitGroup
		for i := 0; i < 8; i++ {
			connection, err := listener.Accept()
			check(err)
			all.Add(1)
			go func() {
				io.Copy(io.Discard, connection)
				connection.Close()
				all.Done()
			}()
		}
		all.Wait()
	case "id":
		fmt.Println(os.Getuid(), os.Geteuid())
	}
}
