package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// originalDestination is the option of the kernel's connection tracking that tells
// where a redirected connection was meant to go; the same number in both families.
const originalDestination = 80

// serveMesh plays a sidecar behind redirect rules. It takes every connection before it
// knows whether the application listens, waits for the client's first bytes as Envoy's
// detection of protocols does, and only then connects to where the client wanted to go:
// to that address itself, or with ?to=loopback to the same port of the loopback.
func serveMesh(s *spec) error {
	inbound := strings.HasPrefix(s.scheme, "mesh-in")
	return s.accept(func(client net.Conn) {
		defer client.Close()
		target, err := meantFor(client.(*net.TCPConn))
		if err != nil {
			fmt.Println("no original destination:", err)
			return
		}
		first := make([]byte, 64*1024)
		count, err := client.Read(first)
		if err != nil {
			return
		}
		server, err := s.passOn(target, inbound)
		if err != nil {
			fmt.Println("not passed on:", err)
			if isHTTP(first[:count]) {
				unavailable(client)
			}
			return
		}
		defer server.Close()
		server.Write(first[:count])
		join(client, server)
	})
}

// passOn connects from the address that the redirect rules of Istio let through.
func (s *spec) passOn(target *net.TCPAddr, inbound bool) (net.Conn, error) {
	dialer := net.Dialer{}
	if inbound && s.to == "loopback" {
		target = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: target.Port}
	} else if inbound && target.IP.To4() != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 6)}
	} else if inbound {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP("::6")}
	}
	return dialer.Dial("tcp", target.String())
}

func meantFor(client *net.TCPConn) (*net.TCPAddr, error) {
	raw, err := client.SyscallConn()
	if err != nil {
		return nil, err
	}
	var found *net.TCPAddr
	var failed error
	remote := client.RemoteAddr().(*net.TCPAddr)
	err = raw.Control(func(descriptor uintptr) {
		if remote.IP.To4() != nil {
			found, failed = meantOverIPv4(int(descriptor))
		} else {
			found, failed = meantOverIPv6(int(descriptor))
		}
	})
	if err != nil {
		return nil, err
	}
	return found, failed
}

func meantOverIPv4(descriptor int) (*net.TCPAddr, error) {
	// Any option of 16 bytes or more serves to read a sockaddr_in.
	raw, err := syscall.GetsockoptIPv6Mreq(descriptor, syscall.IPPROTO_IP, originalDestination)
	if err != nil {
		return nil, err
	}
	port := binary.BigEndian.Uint16(raw.Multiaddr[2:4])
	return &net.TCPAddr{IP: net.IP(raw.Multiaddr[4:8]), Port: int(port)}, nil
}

func meantOverIPv6(descriptor int) (*net.TCPAddr, error) {
	raw, err := syscall.GetsockoptIPv6MTUInfo(descriptor, syscall.IPPROTO_IPV6, originalDestination)
	if err != nil {
		return nil, err
	}
	port := raw.Addr.Port<<8 | raw.Addr.Port>>8
	return &net.TCPAddr{IP: net.IP(raw.Addr.Addr[:]), Port: int(port)}, nil
}

func isHTTP(first []byte) bool {
	line, _, _ := bytes.Cut(first, []byte("\r\n"))
	return bytes.Contains(line, []byte(" HTTP/1."))
}

func unavailable(client net.Conn) {
	body := "the application refused the connection\n"
	fmt.Fprintf(client, "HTTP/1.1 %d Service Unavailable\r\nserver: envoy\r\nconnection: close\r\n"+
		"content-length: %d\r\n\r\n%s", http.StatusServiceUnavailable, len(body), body)
}

func join(client, server net.Conn) {
	done := make(chan struct{})
	go func() {
		io.Copy(server, client)
		server.(*net.TCPConn).CloseWrite()
		close(done)
	}()
	io.Copy(client, server)
	client.(*net.TCPConn).CloseWrite()
	<-done
}
