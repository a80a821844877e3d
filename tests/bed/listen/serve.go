package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// network names the family that an address asks for: "[::]" is dual-stack with
// tcp:// and IPv6 alone with tcp6://, and 0.0.0.0 must not become dual-stack.
func (s *spec) network(plain string) string {
	if strings.HasSuffix(s.scheme, "4") || strings.HasSuffix(s.scheme, "6") {
		return plain + s.scheme[len(s.scheme)-1:]
	}
	if host, _, err := net.SplitHostPort(s.address); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.To4() != nil {
			return plain + "4"
		}
	}
	return plain
}

func (s *spec) listen() (net.Listener, error) {
	listener, err := net.Listen(s.network("tcp"), s.address)
	if err == nil {
		fmt.Println("listening on", s.scheme, listener.Addr())
	}
	return listener, err
}

func (s *spec) accept(handle func(net.Conn)) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go handle(connection)
	}
}

func (s *spec) banner() string {
	if s.body != "" {
		return s.body + "\n"
	}
	return "listen " + s.address + "\n"
}

func serveBanner(s *spec) error {
	return s.accept(func(connection net.Conn) {
		defer connection.Close()
		io.WriteString(connection, s.banner())
	})
}

func serveReset(s *spec) error {
	return s.accept(func(connection net.Conn) {
		// Later than the handshake, or a client could take it for a refusal.
		time.Sleep(50 * time.Millisecond)
		connection.(*net.TCPConn).SetLinger(0)
		connection.Close()
	})
}

func serveHang(s *spec) error {
	return s.accept(func(connection net.Conn) {
		io.Copy(io.Discard, connection)
		connection.Close()
	})
}

func serveUDP(s *spec) error {
	connection, err := net.ListenPacket(s.network("udp"), s.address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", s.scheme, connection.LocalAddr())
	buffer := make([]byte, 64*1024)
	for {
		count, peer, err := connection.ReadFrom(buffer)
		if err != nil {
			return err
		}
		connection.WriteTo(buffer[:count], peer)
	}
}

func serveHTTP(s *spec) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	return http.Serve(listener, s.handler())
}

func serveHTTPS(s *spec) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	config, err := selfSigned()
	if err != nil {
		return err
	}
	config.NextProtos = []string{"http/1.1"}
	return http.Serve(tls.NewListener(listener, config), s.handler())
}

func serveTLS(s *spec) error {
	config, err := selfSigned()
	if err != nil {
		return err
	}
	return s.accept(func(connection net.Conn) {
		secured := tls.Server(connection, config)
		defer secured.Close()
		io.WriteString(secured, s.banner())
	})
}

func serveExit(s *spec) error {
	os.Exit(s.code)
	return nil
}

func (s *spec) handler() http.Handler {
	body := s.body
	if body == "" {
		body = "ok"
	}
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if s.path != "" && request.URL.Path != s.path {
			http.NotFound(writer, request)
			return
		}
		writer.WriteHeader(s.status)
		io.WriteString(writer, body+"\n")
	})
}

func selfSigned() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "listen"},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{certificate}}, nil
}
