package remoting

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// authority signs certificates of one test and writes them as PEM files.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes name.pem and name.key (PKCS#8).
func (a *authority) issue(name string) (certPath, keyPath string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", der), a.write(name+".key", "PRIVATE KEY", keyDER)
}

func tlsOf(roots *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

var anyCert = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the self-signed certificate of test mode

func (r *rig) dialTLS(t *testing.T, cfg *tls.Config) (*wire, error) {
	t.Helper()
	raw, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(2 * time.Minute))
	c := tls.Client(raw, cfg)
	return newWire(t, c), c.Handshake()
}

func TestTLSModes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		mode       string
		tls, plain bool
	}{{"disabled", false, true}, {"permissive", true, true}, {"enforcing", true, false}} {
		t.Run(row.mode, func(t *testing.T) {
			r := serve(t, func(c *Config) { c.TLSServerMode = row.mode })
			w, err := r.dialTLS(t, anyCert)
			if (err == nil) != row.tls {
				t.Fatalf("TLS: %v", err)
			}
			if row.tls {
				w.send(append(request(code.SendMessageV2, 1, "a"), request(code.ViewMessageByID, 2, "b")...))
				w.expect(1, code.Success, "")
				w.expect(2, code.Success, "")
			}
			p := r.dial(t)
			p.send(request(code.HeartBeat, 3, ""))
			if row.plain {
				p.expect(3, code.Success, "")
			} else {
				p.expectClosed()
			}
		})
	}
}

func TestTLSConnection(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w, err := r.dialTLS(t, anyCert)
	if err != nil {
		t.Fatal(err)
	}
	w.send(request(code.PullMessage, 1, ""))
	h := <-r.held
	for i := range int32(3) { // pushed from another goroutine, in order
		if err := h.Conn.Send(protocol.NewRequest(code.NotifyConsumerIDsChanged, nil, []byte{byte(i)})); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Reply(protocol.NewResponse(code.PullNotFound, "")); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if note, err := w.next(); err != nil || !note.IsOneWay() || note.Body[0] != byte(i) {
			t.Fatalf("%v, %v", note, err)
		}
	}
	w.expect(1, code.PullNotFound, "")
	if got := h.Conn.RemoteAddr().String(); got != w.LocalAddr().String() {
		t.Errorf("remote %s", got)
	}
	w.send(askFor(5<<20, 2))
	if got := w.expect(2, code.Success, ""); len(got.Body) != 5<<20 {
		t.Errorf("%d bytes", len(got.Body))
	}
	w.send(request(code.LockBatchMQ, 3, "panic"))
	w.expect(3, code.SystemError, "told to")
	if s := r.srv.Stats(); s.TLSAccepted != 1 || s.Connections != 1 {
		t.Errorf("%+v", s)
	}
	w.send(make([]byte, 8)) // length 0
	w.expectClosed()
	await(t, "gone", func() bool { return r.srv.Stats().Connections == 0 })
	r.alive(t)
}

// What a hook sends before the first byte has told that the client speaks TLS is not lost, nor sent in the clear.
func TestNothingLeavesBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	for _, name := range []string{"TLS", "plain", "TLS"} {
		raw, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		var c *Conn
		await(t, "the server knows the connection", func() bool {
			r.srv.Conns(func(one *Conn) bool { c = one; return one.RemoteAddr().String() != raw.LocalAddr().String() })
			return c != nil && c.RemoteAddr().String() == raw.LocalAddr().String()
		})
		for range 20 {
			if err := c.Send(protocol.NewRequest(code.NotifyConsumerIDsChanged, nil, nil)); err != nil {
				t.Fatal(err)
			}
		}
		var w *wire
		if name == "TLS" {
			w = newWire(t, tls.Client(raw, anyCert))
		} else {
			w = newWire(t, raw)
		}
		w.send(oneWay(code.HeartBeat, 1, ""))
		for range 20 {
			if note, err := w.next(); err != nil || !note.IsOneWay() {
				t.Fatalf("%v, %v", note, err)
			}
		}
	}
}

func TestTLSIsOpenWhenTheServerStops(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w, err := r.dialTLS(t, anyCert)
	if err != nil {
		t.Fatal(err)
	}
	w.send(request(code.HeartBeat, 1, ""))
	w.expect(1, code.Success, "")
	r.stop()
	w.expectClosed()
}

func TestTLSGarbage(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	w.send(append([]byte{0x16}, request(code.HeartBeat, 1, "")...))
	if _, err := w.next(); err == nil {
		t.Error("garbage was answered")
	}
	await(t, "counted and gone", func() bool { s := r.srv.Stats(); return s.TLSFailed == 1 && s.Connections == 0 })
}

// A stream may have ended before the loop comes to let its own descriptor of the connection go.
func TestTLSEndsBeforeItsLoopLetsGo(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	await(t, "a loop has it", func() bool { return len(r.srv.allLoops()) == 1 })
	l := r.srv.allLoops()[0]
	l.mu.Lock() // the end of the turn waits for it
	w.send(append([]byte{0x16}, request(code.HeartBeat, 1, "")...))
	await(t, "the stream has ended", func() bool { s := r.srv.Stats(); return s.TLSFailed == 1 && s.Connections == 0 })
	l.mu.Unlock()
	if _, err := io.Copy(io.Discard, w); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
}

func TestTLSAfterProxyHeader(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	raw, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	if _, err := raw.Write(proxyV2(1, 0x11, v4Addresses)); err != nil {
		t.Fatal(err)
	}
	w := newWire(t, tls.Client(raw, anyCert))
	w.send(request(code.PullMessage, 1, ""))
	h := <-r.held
	if got := h.Conn.RemoteAddr().String(); got != "192.0.2.1:12345" {
		t.Errorf("remote %s", got)
	}
	_ = h.Reply(protocol.NewResponse(code.PullNotFound, ""))
	w.expect(1, code.PullNotFound, "")
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	cert, key := ca.issue("server")
	r := serve(t, func(c *Config) {
		c.TLSServerMode, c.TLSServerCertPath, c.TLSServerKeyPath = "enforcing", cert, key
		c.TLSServerNeedClientAuth, c.TLSServerAuthClient = "require", true
		c.TLSServerTrustCertPath = filepath.Join(ca.dir, "ca.pem")
	})
	pool, err := certPool(filepath.Join(ca.dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		by   *authority
		ok   bool
	}{{"signed by ours", ca, true}, {"signed by another", other, false}, {"without", nil, false}} {
		cfg := &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}
		if row.by != nil {
			pair, err := tls.LoadX509KeyPair(row.by.issue("client"))
			if err != nil {
				t.Fatal(err)
			}
			cfg.Certificates = []tls.Certificate{pair}
		}
		w, err := r.dialTLS(t, cfg)
		if err == nil { // TLS 1.3 tells the client's fault with the first read only
			w.send(request(code.HeartBeat, 1, ""))
			_, err = w.next()
		}
		if (err == nil) != row.ok {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestTLSConfiguration(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.issue("server")
	for name, change := range map[string]func(*Config){
		"mode":               func(c *Config) { c.TLSServerMode = "maybe" },
		"key is missing":     func(c *Config) { c.TLSServerCertPath = cert },
		"key file":           func(c *Config) { c.TLSServerCertPath, c.TLSServerKeyPath = cert, "/nowhere" },
		"password":           func(c *Config) { c.TLSServerCertPath, c.TLSServerKeyPath, c.TLSServerKeyPassword = cert, key, "x" },
		"client auth":        func(c *Config) { c.TLSServerCertPath, c.TLSServerKeyPath, c.TLSServerNeedClientAuth = cert, key, "x" },
		"trust":              func(c *Config) { c.TLSServerCertPath, c.TLSServerKeyPath, c.TLSServerTrustCertPath = cert, key, key },
		"enforcing, no cert": func(c *Config) { c.TLSServerMode, c.TLSTestModeEnable = "enforcing", false },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, err := serverTLS(&cfg, zerologNop()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	cfg := DefaultConfig()
	cfg.TLSTestModeEnable = false
	if got, err := serverTLS(&cfg, zerologNop()); got != nil || err != nil {
		t.Errorf("permissive without a certificate: %v, %v", got, err)
	}
}

func TestCertificateIsReloaded(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Now())
	ca := newAuthority(t)
	cert, key := ca.issue("server")
	cfg := DefaultConfig()
	cfg.Clock, cfg.TLSServerCertPath, cfg.TLSServerKeyPath = now, cert, key
	files, err := newCertFiles(cfg, zerologNop())
	if err != nil {
		t.Fatal(err)
	}
	served := func() []byte {
		now.Advance(2 * time.Second)
		got, err := files.forClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Certificates[0].Certificate[0]
	}
	touch := func(path string, at int) {
		stamp := time.Now().Add(time.Duration(at) * time.Minute)
		if err := os.Chtimes(path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
	first := served()
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	ca.issue("server") // the same files with another key
	fresh, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, old, 0o600); err != nil {
		t.Fatal(err)
	}
	touch(cert, 1)
	if !bytes.Equal(served(), first) {
		t.Error("a certificate that does not fit its key is served")
	}
	if err := os.WriteFile(key, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	touch(key, 2)
	if bytes.Equal(served(), first) {
		t.Error("the new certificate is not served")
	}
}
