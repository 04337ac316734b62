package remoting

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/rs/zerolog"
)

// The values of tls.server.mode.
const (
	tlsDisabled   = "disabled"
	tlsPermissive = "permissive"
	tlsEnforcing  = "enforcing"
)

// CheckTLS says whether a server starts with these TLS settings.
func CheckTLS(cfg *Config) error {
	_, err := serverTLS(cfg, zerolog.Nop())
	return err
}

// serverTLS builds the TLS side of a server as TlsHelper does; nil when TLS is disabled, or permitted and no key is there.
func serverTLS(cfg *Config, log zerolog.Logger) (*tls.Config, error) {
	switch cfg.TLSServerMode {
	case tlsDisabled:
		return nil, nil
	case "", tlsPermissive, tlsEnforcing:
	default:
		return nil, fmt.Errorf("remoting: tls.server.mode: expected disabled, permissive or enforcing, found %q", cfg.TLSServerMode)
	}
	if cfg.TLSServerKeyPassword != "" {
		return nil, errors.New("remoting: tls.server.keyPassword: encrypted keys are not supported, store the key unencrypted (openssl pkcs8 -nocrypt)")
	}
	if cfg.TLSServerKeyPath == "" && cfg.TLSServerCertPath == "" {
		if !cfg.TLSTestModeEnable {
			if cfg.TLSServerMode == tlsEnforcing {
				return nil, errors.New("remoting: tls.server.mode=enforcing needs tls.server.keyPath and tls.server.certPath")
			}
			return nil, nil
		}
		cert, err := selfSigned()
		if err != nil {
			return nil, fmt.Errorf("remoting: self-signed certificate: %w", err)
		}
		return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
	}
	files, err := newCertFiles(*cfg, log)
	if err != nil {
		return nil, err
	}
	return &tls.Config{GetConfigForClient: files.forClient, MinVersion: tls.VersionTLS12}, nil
}

// loadTLS reads the files of a configuration.
func loadTLS(cfg *Config) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(cfg.TLSServerCertPath, cfg.TLSServerKeyPath)
	if err != nil {
		return nil, fmt.Errorf("remoting: tls.server.certPath %s, tls.server.keyPath %s: %w", cfg.TLSServerCertPath, cfg.TLSServerKeyPath, err)
	}
	out := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if out.ClientAuth, err = clientAuth(cfg); err != nil {
		return nil, err
	}
	if cfg.TLSServerTrustCertPath != "" {
		if out.ClientCAs, err = certPool(cfg.TLSServerTrustCertPath); err != nil {
			return nil, fmt.Errorf("remoting: tls.server.trustCertPath: %w", err)
		}
	}
	return out, nil
}

// clientAuth joins the two settings: whether a client must show a certificate, and whether it is verified.
func clientAuth(cfg *Config) (tls.ClientAuthType, error) {
	switch cfg.TLSServerNeedClientAuth {
	case "", "none":
		return tls.NoClientCert, nil
	case "optional":
		if cfg.TLSServerAuthClient {
			return tls.VerifyClientCertIfGiven, nil
		}
		return tls.RequestClientCert, nil
	case "require":
		if cfg.TLSServerAuthClient {
			return tls.RequireAndVerifyClientCert, nil
		}
		return tls.RequireAnyClientCert, nil
	}
	return 0, fmt.Errorf("remoting: tls.server.need.client.auth: expected none, optional or require, found %q", cfg.TLSServerNeedClientAuth)
}

func certPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in PEM form", path)
	}
	return pool, nil
}

// selfSigned is the certificate of test mode: clients that verify cannot use it, as with Java's.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().AddDate(-1, 0, 0), //nolint:forbidigo // for clients of other machines; netty's: a client's clock may be late
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// toStream moves a connection whose first bytes are TLS from its loop to a goroutine with a descriptor of its own. An in-memory
// connection fed by the loop would keep the descriptor in gnet, which cannot stop reading: a sender faster than our handlers would
// fill the memory. The runtime's poller holds it back instead. When that fails the caller's close ends the connection.
func (s *Server) toStream(c *Conn, first []byte) {
	raw, err := detach(c.t.(*plain).gc)
	if err != nil {
		s.stats.tlsFailed.Add(1)
		s.log.Warn().Err(err).Stringer("remote", c.remote).Msg("no descriptor for a TLS connection")
		return
	}
	if len(first) > 0 {
		first = append([]byte(nil), first...) // the loop's buffer until now
	}
	conn := s.overTLS(raw, first)
	st := &stream{raw: raw, nc: conn, wg: &s.streams, room: make(chan struct{}, 1)}
	c.mu.Lock()
	c.t = st
	if len(c.pending) > 0 { // a hook has sent before the first byte came: the loop will not find it any more
		c.bookQueue()
		st.wake(c)
	}
	c.mu.Unlock()
	s.streams.Go(func() { s.serveTLS(c, st, conn) })
}

func (s *Server) overTLS(raw net.Conn, first []byte) *tls.Conn {
	return tls.Server(&prefixed{Conn: raw, first: first}, s.tls)
}

// detach copies the descriptor into the runtime's poller.
func detach(gc gnet.Conn) (net.Conn, error) {
	fd, err := gc.Dup()
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "tls")
	defer f.Close() //nolint:errcheck // FileConn has made a copy
	return net.FileConn(f)
}

func (s *Server) serveTLS(c *Conn, st *stream, conn *tls.Conn) {
	defer s.closed(c)
	defer conn.Close() //nolint:errcheck // says goodbye when the peer is still there
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	err := conn.HandshakeContext(ctx)
	cancel()
	if err != nil {
		s.stats.tlsFailed.Add(1)
		s.log.Debug().Err(err).Stringer("remote", c.RemoteAddr()).Msg("TLS handshake failed")
		return
	}
	s.stats.tlsAccepted.Add(1)
	if err := st.read(c); err != nil {
		s.badFrame(c, err)
	}
}

// prefixed is a connection whose first bytes have been read already.
type prefixed struct {
	net.Conn
	first []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.first) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.first)
	p.first = p.first[n:]
	return n, nil
}
