// Listen is the program inside every test image. It plays the server of a pod,
// well behaved or not, and can dial another one.
//
//	listen SPEC...                 serve every spec until killed
//	listen probe HOST:PORT [WAIT]  exit 0 accepted, 1 refused, 2 timed out, 3 anything else
//	listen sleep                   do nothing, for ever
//	listen pause                   reap orphans, for ever (the sandbox process)
//
// A spec is SCHEME://HOST:PORT[?OPTION=VALUE&...], "${NAME}" being taken from
// the environment (an IPv6 address gets its brackets). See the README.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	exitRefused = 1
	exitTimeout = 2
	exitOther   = 3
	exitUsage   = 64
)

func main() {
	args := os.Args[1:]
	if filepath.Base(os.Args[0]) == "pause" {
		args = []string{"pause"}
	}
	if len(args) == 0 {
		fail("usage: listen SPEC... | probe HOST:PORT [WAIT] | sleep | pause")
	}
	switch args[0] {
	case "pause":
		pause()
	case "sleep":
		// Not select{}: the runtime would call that a deadlock.
		for {
			time.Sleep(time.Hour)
		}
	case "probe":
		os.Exit(probe(args[1:]))
	default:
		serveAll(args)
	}
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "listen: "+format+"\n", values...)
	os.Exit(exitUsage)
}

// serveAll ends as soon as one listener fails, as a real server would.
func serveAll(args []string) {
	specs := make([]*spec, 0, len(args))
	for _, arg := range args {
		parsed, err := parseSpec(arg)
		if err != nil {
			fail("%s: %v", arg, err)
		}
		specs = append(specs, parsed)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	failed := make(chan error, len(specs))
	for _, one := range specs {
		go func(one *spec) {
			time.Sleep(one.after)
			failed <- fmt.Errorf("%s: %w", one.text, one.serve())
		}(one)
	}
	select {
	case err := <-failed:
		fmt.Fprintln(os.Stderr, "listen:", err)
		os.Exit(1)
	case <-stop:
	}
}

func probe(args []string) int {
	wait := 2 * time.Second
	if len(args) == 0 || len(args) > 2 {
		fail("usage: listen probe HOST:PORT [WAIT]")
	}
	if len(args) == 2 {
		parsed, err := time.ParseDuration(args[1])
		if err != nil {
			fail("%v", err)
		}
		wait = parsed
	}
	_, err := net.DialTimeout("tcp", args[0], wait)
	var timeout net.Error
	switch {
	case err == nil, errors.Is(err, syscall.ECONNRESET): // reset at once: accepted all the same
		fmt.Println("accepted")
		return 0
	case errors.Is(err, syscall.ECONNREFUSED):
		fmt.Println("refused")
		return exitRefused
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		fmt.Println("timeout")
		return exitTimeout
	default:
		fmt.Println(strings.TrimSpace(err.Error()))
		return exitOther
	}
}

// pause ends on the signals that end a sandbox and reaps what is orphaned to it.
func pause() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
