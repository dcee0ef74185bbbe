// quicpeer speaks DNS over QUIC (RFC 9250) and DNS over HTTP/3 with quic-go and miekg/dns, as a server and as a client: a peer
// that shares no code with ours. Built by `make interop`.
//
//	quicpeer serve quic|h3 ADDRESS:PORT CHAIN.pem KEY.pem   answers A with 192.0.2.7; prints "ready", then one line for each query
//	quicpeer ask quic://ADDRESS:PORT|https://HOST:PORT/PATH NAME ADDRESS:PORT AUTHORITIES.pem NAME-TO-ASK
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

const protocolError = 2

var out sync.Mutex

func say(format string, values ...any) {
	out.Lock()
	defer out.Unlock()
	fmt.Printf(format+"\n", values...)
}

func answer(octets []byte) ([]byte, error) {
	query := new(dns.Msg)
	if err := query.Unpack(octets); err != nil || len(query.Question) != 1 {
		return nil, errors.New("no query")
	}
	if os.Getenv("QUICPEER_QUIET") == "" {
		padding := 0
		if opt := query.IsEdns0(); opt != nil {
			for _, option := range opt.Option {
				if padded, ok := option.(*dns.EDNS0_PADDING); ok {
					padding = len(padded.Padding) + 4
				}
			}
		}
		say("%s id=%d octets=%d padding=%d", query.Question[0].Name, query.Id, len(octets), padding)
	}
	response := new(dns.Msg)
	response.SetReply(query)
	response.RecursionAvailable = true
	if query.Question[0].Qtype == dns.TypeA {
		record, _ := dns.NewRR(query.Question[0].Name + " 300 IN A 192.0.2.7")
		response.Answer = append(response.Answer, record)
	}
	if query.IsEdns0() != nil {
		response.SetEdns0(1232, false)
	}
	return response.Pack()
}

func serveStream(connection *quic.Conn, stream *quic.Stream) {
	octets, err := io.ReadAll(io.LimitReader(stream, 65537))
	if err != nil {
		return
	}
	if len(octets) < 14 || int(binary.BigEndian.Uint16(octets)) != len(octets)-2 || octets[2] != 0 || octets[3] != 0 {
		connection.CloseWithError(protocolError, "")
		return
	}
	response, err := answer(octets[2:])
	if err != nil {
		connection.CloseWithError(protocolError, "")
		return
	}
	stream.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(response))), response...))
	stream.Close()
}

func serveConnection(connection *quic.Conn) {
	say("connection resumed=%t", connection.ConnectionState().TLS.DidResume)
	for {
		stream, err := connection.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go serveStream(connection, stream)
	}
}

func serveRequest(writer http.ResponseWriter, request *http.Request) {
	var octets []byte
	var err error
	if request.Method == http.MethodPost {
		octets, err = io.ReadAll(io.LimitReader(request.Body, 65536))
	} else {
		octets, err = base64.RawURLEncoding.DecodeString(request.URL.Query().Get("dns"))
	}
	var response []byte
	if err == nil {
		response, err = answer(octets)
	}
	if err != nil {
		writer.WriteHeader(http.StatusBadRequest)
		return
	}
	writer.Header().Set("Content-Type", "application/dns-message")
	writer.Write(response)
}

func serve(scheme, address, chain, key string) error {
	pair, err := tls.LoadX509KeyPair(chain, key)
	if err != nil {
		return err
	}
	settings := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"doq"}}
	limits := &quic.Config{MaxIncomingStreams: 1000}
	if scheme == "h3" {
		server := &http3.Server{Addr: address, TLSConfig: http3.ConfigureTLSConfig(settings), QUICConfig: limits,
			Handler: http.HandlerFunc(serveRequest)}
		say("ready")
		return server.ListenAndServe()
	}
	listener, err := quic.ListenAddr(address, settings, limits)
	if err != nil {
		return err
	}
	say("ready")
	for {
		connection, err := listener.Accept(context.Background())
		if err != nil {
			return err
		}
		go serveConnection(connection)
	}
}

func overQuic(address string, settings *tls.Config, query []byte) ([]byte, error) {
	limit, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	settings.NextProtos = []string{"doq"}
	connection, err := quic.DialAddr(limit, address, settings, nil)
	if err != nil {
		return nil, err
	}
	defer connection.CloseWithError(0, "")
	stream, err := connection.OpenStreamSync(limit)
	if err != nil {
		return nil, err
	}
	stream.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...))
	stream.Close()
	octets, err := io.ReadAll(stream)
	if err != nil {
		return nil, err
	}
	if len(octets) < 2 || int(binary.BigEndian.Uint16(octets)) != len(octets)-2 {
		return nil, errors.New("not one message")
	}
	return octets[2:], nil
}

func overHttp(url, address string, settings *tls.Config, query []byte) ([]byte, error) {
	transport := &http3.Transport{TLSClientConfig: settings,
		Dial: func(limit context.Context, _ string, settings *tls.Config, limits *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(limit, address, settings, limits)
		}}
	defer transport.Close()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	response, err := client.Post(url, "application/dns-message", bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/dns-message" {
		return nil, fmt.Errorf("status %d %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	return io.ReadAll(response.Body)
}

func ask(url, name, address, authorities, wanted string) error {
	pem, err := os.ReadFile(authorities)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	settings := &tls.Config{ServerName: name, RootCAs: pool}
	query := new(dns.Msg)
	query.SetQuestion(dns.Fqdn(wanted), dns.TypeA)
	query.Id = 0
	query.SetEdns0(1232, false)
	octets, err := query.Pack()
	if err != nil {
		return err
	}
	if strings.HasPrefix(url, "quic://") {
		octets, err = overQuic(address, settings, octets)
	} else {
		octets, err = overHttp(url, address, settings, octets)
	}
	if err != nil {
		return err
	}
	response := new(dns.Msg)
	if err := response.Unpack(octets); err != nil {
		return err
	}
	say("%s id=%d octets=%d", dns.RcodeToString[response.Rcode], response.Id, len(octets))
	for _, record := range response.Answer {
		say("%s", record)
	}
	return nil
}

func main() {
	arguments := os.Args[1:]
	err := errors.New("usage: see the head of main.go")
	switch {
	case len(arguments) == 5 && arguments[0] == "serve":
		err = serve(arguments[1], arguments[2], arguments[3], arguments[4])
	case len(arguments) == 6 && arguments[0] == "ask":
		err = ask(arguments[1], arguments[2], arguments[3], arguments[4], arguments[5])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
