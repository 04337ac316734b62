package remoting

import (
	"crypto/tls"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// certFiles serves the certificate of files that an operator may replace: new connections see the new one without a restart, as with
// Java's TlsCertificateManager. A replacement that cannot be read, such as a key that does not fit yet, leaves the old one in force.
type certFiles struct {
	cfg Config
	log zerolog.Logger

	mu      sync.Mutex
	current *tls.Config
	seen    [3]time.Time // modification times of key, certificate, trust
	checked time.Time
}

const certCheckEvery = time.Second

func newCertFiles(cfg Config, log zerolog.Logger) (*certFiles, error) {
	f := &certFiles{cfg: cfg, log: log}
	f.seen = f.stamps()
	var err error
	f.current, err = loadTLS(&f.cfg)
	return f, err
}

func (f *certFiles) stamps() (at [3]time.Time) {
	for i, path := range []string{f.cfg.TLSServerKeyPath, f.cfg.TLSServerCertPath, f.cfg.TLSServerTrustCertPath} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil { // a file that is away for a moment counts as changed
			at[i] = info.ModTime()
		}
	}
	return at
}

// forClient is tls.Config.GetConfigForClient. It runs on the handshake's goroutine and looks at the files at most once a second.
func (f *certFiles) forClient(*tls.ClientHelloInfo) (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Clock.Now()
	if now.Sub(f.checked) < certCheckEvery {
		return f.current, nil
	}
	f.checked = now
	stamps := f.stamps()
	if stamps == f.seen {
		return f.current, nil
	}
	loaded, err := loadTLS(&f.cfg)
	if err != nil {
		f.log.Warn().Err(err).Msg("changed TLS files cannot be used, the old certificate stays")
		return f.current, nil
	}
	f.seen, f.current = stamps, loaded
	f.log.Info().Str("certPath", f.cfg.TLSServerCertPath).Msg("TLS certificate reloaded")
	return f.current, nil
}
