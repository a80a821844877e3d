package main

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// spec is one parsed argument: what to serve, where and after what delay.
type spec struct {
	text    string
	scheme  string
	address string
	after   time.Duration
	status  int    // http, https: the status of an answer
	path    string // http, https: the only path that is found, all if empty
	body    string // http, https: the body; tcp: the banner
	code    int    // exit: the exit code
	to      string // mesh-in: "loopback" passes on to 127.0.0.1
}

var schemes = map[string]func(*spec) error{
	"tcp": serveBanner, "tcp4": serveBanner, "tcp6": serveBanner,
	"http": serveHTTP, "https": serveHTTPS,
	"tls":     serveTLS,
	"udp":     serveUDP,
	"udp4":    serveUDP,
	"udp6":    serveUDP,
	"reset":   serveReset,
	"hang":    serveHang,
	"exit":    serveExit,
	"mesh-in": serveMesh, "mesh-in6": serveMesh,
	"mesh-out": serveMesh, "mesh-out6": serveMesh,
}

func (s *spec) serve() error { return schemes[s.scheme](s) }

func parseSpec(text string) (*spec, error) {
	parsed, err := url.Parse(os.Expand(text, fromEnvironment))
	if err != nil {
		return nil, err
	}
	result := &spec{text: text, scheme: parsed.Scheme, address: parsed.Host, status: 200}
	if _, known := schemes[parsed.Scheme]; !known {
		return nil, fmt.Errorf("unknown scheme %q", parsed.Scheme)
	}
	if result.scheme != "exit" && parsed.Port() == "" {
		return nil, fmt.Errorf("no port")
	}
	for name, values := range parsed.Query() {
		if err := result.option(name, values[len(values)-1]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return result, nil
}

func (s *spec) option(name, value string) (err error) {
	switch name {
	case "after":
		s.after, err = time.ParseDuration(value)
	case "status":
		s.status, err = strconv.Atoi(value)
	case "code":
		s.code, err = strconv.Atoi(value)
	case "path":
		s.path = value
	case "to":
		s.to = value
	case "body":
		s.body = value
	default:
		err = fmt.Errorf("unknown option")
	}
	return err
}

func fromEnvironment(name string) string {
	value := os.Getenv(name)
	if strings.Count(value, ":") > 1 && !strings.HasPrefix(value, "[") {
		return "[" + value + "]"
	}
	return value
}
